"""A job as a page: what was seen of it, in constant memory, and the drawing of that."""
