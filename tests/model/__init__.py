"""The life of a call: the real scripts beside a plain model of them."""
