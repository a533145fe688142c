//! The smallest program.
const std = @import("std");

pub fn main() void {
    _ = std.os.linux.write(1, "Hello, world!\n", 14);
}
