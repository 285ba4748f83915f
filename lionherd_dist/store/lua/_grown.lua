-- _grown: prepended where hashes and sorted sets grow. Redis keeps a small one as a list, and looks
-- through it for each member that is added, read or taken out: 2 of 5 us for one of a hundred, 6 of
-- 17 for one of 400. A member longer than 64 bytes makes a table of it, until it is empty or loaded
-- from a file. Such a member, LONG, is put in and taken out as the others become MANY.
local MANY, LONG = 16, string.rep(' ', 65)

local function outgrows_list(count, more) return count < MANY and count + more >= MANY end
