//! One thread, which writes the line.
const std = @import("std");

fn hello() void {
    _ = std.os.linux.write(1, "Hello, world!\n", 14);
}

pub fn main() !void {
    (try std.Thread.spawn(.{}, hello, .{})).join();
}
