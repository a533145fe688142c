//! Zig 0.17's std.Thread and std.Io, without a libc and without its signal stack of 256 KiB a thread.
//!
//! The same tests, in the same words, as benches/common: `bench TEST [PERCENT [COUNT]]`.
const std = @import("std");
const linux = std.os.linux;
const Thread = std.Thread;
const Io = std.Io;

pub const std_options: std.Options = .{ .signal_stack_size = null };

var io: Io = undefined;
var percent: u64 = 100;
var chosen_count: u64 = 0;

fn times(n: u64) u64 {
    return @max(n * percent / 100, 1);
}
fn print(comptime format: []const u8, args: anytype) void {
    var buffer: [256]u8 = undefined;
    const text = std.mem.print(&buffer, format, args) catch unreachable;
    _ = linux.write(1, text.ptr, text.len);
}
fn result(name: []const u8, value: f64, unit: []const u8) void {
    print("{s} {d:.3} {s}\n", .{ name, value, unit });
}
fn verify(is_right: bool, what: []const u8) void {
    if (is_right) return;
    std.debug.print("wrong result: {s}\n", .{what});
    std.process.exit(1);
}
fn clockNs(clock: linux.clockid_t) f64 {
    var time: linux.timespec = undefined;
    _ = linux.clock_gettime(clock, &time);
    return @as(f64, @floatFromInt(time.sec)) * 1e9 + @as(f64, @floatFromInt(time.nsec));
}
fn nowNs() f64 {
    return clockNs(.MONOTONIC);
}
fn cpuNs() f64 {
    return clockNs(.PROCESS_CPUTIME_ID);
}
const Timer = struct {
    wall: f64,
    cpu: f64,
    fn start() Timer {
        return .{ .wall = nowNs(), .cpu = cpuNs() };
    }
    fn stop(timer: Timer, name: []const u8, n: u64) void {
        const cpu = cpuNs() - timer.cpu;
        const wall = nowNs() - timer.wall;
        const count: f64 = @floatFromInt(n);
        print("{s} {d:.3} ns\n{s}_cpu {d:.3} ns\n", .{ name, wall / count, name, cpu / count });
    }
};
fn pin(cpu: u6) void {
    var set: linux.cpu_set_t = @splat(0);
    set[0] = @as(usize, 1) << cpu;
    linux.sched_setaffinity(0, &set) catch unreachable;
}
fn yield() void {
    _ = linux.sched_yield();
}
var file_buffer: [16384]u8 = undefined;
fn open(path: [*:0]const u8) i32 {
    return @intCast(linux.open(path, .{}, 0));
}
fn status(key: []const u8) f64 {
    const fd = open("/proc/self/status");
    defer _ = linux.close(fd);
    const text = file_buffer[0..linux.read(fd, &file_buffer, file_buffer.len)];
    const rest = text[std.mem.indexOf(u8, text, key).? + key.len ..];
    var words = std.mem.tokenizeAny(u8, rest, ": \t");
    return std.fmt.parseFloat(f64, words.next().?) catch unreachable;
}
fn mappingCount() u64 {
    const fd = open("/proc/self/maps");
    defer _ = linux.close(fd);
    var lines: u64 = 0;
    while (true) {
        const n = linux.read(fd, &file_buffer, file_buffer.len);
        if (n == 0) return lines;
        lines += std.mem.count(u8, file_buffer[0..n], "\n");
    }
}

// One thread after the other.
var ran: std.atomic.Value(u64) = .init(0);
fn empty() void {
    _ = ran.fetchAdd(1, .monotonic);
}
fn touch() void {
    var buffer: [32768]u8 = undefined;
    std.mem.doNotOptimizeAway(&buffer); // or the array is split into eight scalars
    const bytes: [*]volatile u8 = &buffer;
    var at: usize = 0;
    while (at < 32768) : (at += 4096) bytes[at] = 1;
    _ = ran.fetchAdd(1, .monotonic);
}
fn spawnJoin(name: []const u8, comptime entry: fn () void) !void {
    const n = times(4000);
    for (0..n / 10) |_| (try Thread.spawn(.{}, entry, .{})).join();
    const timer = Timer.start();
    for (0..n) |_| (try Thread.spawn(.{}, entry, .{})).join();
    timer.stop(name, n);
    verify(ran.load(.seq_cst) == n + n / 10, "not every thread has run");
}
var live: std.atomic.Value(i64) = .init(0);
fn detached() void {
    _ = ran.fetchAdd(1, .monotonic);
    _ = live.fetchSub(1, .seq_cst);
}
fn detach(n: u64) !void {
    for (0..n) |_| {
        while (live.load(.seq_cst) >= 64) yield();
        _ = live.fetchAdd(1, .seq_cst);
        (try Thread.spawn(.{}, detached, .{})).detach();
    }
    while (live.load(.seq_cst) != 0) yield();
}
fn spawnDetach() !void {
    const n = times(8000);
    try detach(n / 10);
    const before = status("VmSize");
    const timer = Timer.start();
    try detach(n);
    timer.stop("spawn_detach", n);
    verify(ran.load(.seq_cst) == n + n / 10, "not every thread has run");
    result("spawn_detach_grown", status("VmSize") - before, "KiB");
}

// Many threads at once.
var gate: std.atomic.Value(u32) = .init(0);
var waiting: std.atomic.Value(i64) = .init(0);
var threads: [30000]Thread = undefined;
fn waitAtGate() void {
    _ = waiting.fetchAdd(1, .seq_cst);
    while (gate.load(.seq_cst) == 0) io.futexWaitUncancelable(u32, &gate.raw, 0);
}
fn waitFor(n: u64) void {
    while (waiting.load(.seq_cst) < n) yield();
}
fn openGate() void {
    gate.store(1, .seq_cst);
    io.futexWake(u32, &gate.raw, std.math.maxInt(i32));
}
fn batch() !void {
    const n = times(1000);
    const begin = nowNs();
    for (threads[0..n]) |*thread| thread.* = try Thread.spawn(.{}, waitAtGate, .{});
    waitFor(n);
    const alive = nowNs();
    result("batch_resident", status("VmHWM"), "KiB");
    result("batch_page_tables", status("VmPTE"), "KiB");
    const released = nowNs();
    openGate();
    for (threads[0..n]) |thread| thread.join();
    result("batch", (alive - begin + nowNs() - released) / 1e6, "ms");
}
fn scale() !void {
    const wanted = if (chosen_count == 0) 30000 else chosen_count;
    const n = @min(wanted, times(30000));
    const resident = status("VmRSS");
    const tables = status("VmPTE");
    var i: u64 = 0;
    const begin = nowNs();
    while (i < n) : (i += 1) {
        if (i % 1000 == 0) std.debug.print("threads {d:0>5}\n", .{i});
        threads[i] = Thread.spawn(.{ .stack_size = 64 << 10 }, waitAtGate, .{}) catch break;
    }
    waitFor(i);
    const alive = nowNs();
    const count: f64 = @floatFromInt(i);
    result("scale_threads", count, "threads");
    result("scale_spawn", (alive - begin) / count, "ns");
    result("scale_resident", (status("VmRSS") - resident) * 1024 / count, "B");
    result("scale_page_tables", (status("VmPTE") - tables) * 1024 / count, "B");
    result("scale_maps", @floatFromInt(mappingCount()), "mappings");
    const released = nowNs();
    openGate();
    for (threads[0..i]) |thread| thread.join();
    result("scale_join", (nowNs() - released) / count, "ns");
}
/// Calls `body` while a second thread exists, which sleeps.
fn besideAnother(comptime body: fn () void) !void {
    const other = try Thread.spawn(.{}, waitAtGate, .{});
    waitFor(1);
    body();
    openGate();
    other.join();
}

// Locks.
var mutex: Io.Mutex = .init;
var counter: u64 = 0;
fn work(rounds: u64) void {
    for (0..rounds) |round| std.mem.doNotOptimizeAway(round);
}
fn mutexLoop(n: u64, section: u64) void {
    for (0..n) |_| {
        {
            mutex.lockUncancelable(io);
            defer mutex.unlock(io);
            @as(*volatile u64, &counter).* += 1;
            work(section);
        }
        work(section);
    }
}
fn mutexThread(n: u64, section: u64) void {
    waitAtGate();
    mutexLoop(n, section);
}
fn mutexAlone() void {
    const n = times(2_000_000);
    mutexLoop(n, 0);
    const timer = Timer.start();
    mutexLoop(n, 0);
    timer.stop("mutex_alone", n);
    verify(counter == 2 * n, "mutex_alone lost an addition");
}
fn mutexContended(name: []const u8, k: u64, long: bool) !void {
    const total: u64 = if (long) 120_000 else 800_000;
    const n = times(total / k);
    const section: u64 = if (long) 200 else 0;
    for (threads[0..k]) |*t| t.* = try Thread.spawn(.{}, mutexThread, .{ n, section });
    waitFor(k);
    const timer = Timer.start();
    openGate();
    for (threads[0..k]) |thread| thread.join();
    timer.stop(name, n * k);
    verify(counter == n * k, "a contended mutex lost an addition");
}
var rwlock: Io.RwLock = .init;
fn rwlockRead() void {
    const n = times(2_000_000);
    const timer = Timer.start();
    for (0..n) |_| {
        rwlock.lockSharedUncancelable(io);
        rwlock.unlockShared(io);
    }
    timer.stop("rwlock_read", n);
}
var condition: [2]Io.Condition = .{ .init, .init };
var turn: u1 = 0;
fn play(me: u1, rounds: u64) void {
    mutex.lockUncancelable(io);
    defer mutex.unlock(io);
    for (0..rounds) |_| {
        while (turn != me) condition[me].waitUncancelable(io, &mutex);
        turn = ~me;
        counter += 1;
        condition[~me].signal(io);
    }
}
fn second(rounds: u64, cpu: u6) void {
    pin(cpu);
    play(1, rounds);
}
fn pingPong(name: []const u8, rounds: u64, cpu: u6) !void {
    pin(0);
    const other = try Thread.spawn(.{}, second, .{ rounds, cpu });
    const timer = Timer.start();
    play(0, rounds);
    other.join();
    timer.stop(name, rounds);
    verify(counter == 2 * rounds, "the players miscounted");
}

// The memory functions of compiler_rt.
extern fn memcpy(*anyopaque, *const anyopaque, usize) *anyopaque;
extern fn memset(*anyopaque, c_int, usize) *anyopaque;
extern fn memcmp(*const anyopaque, *const anyopaque, usize) c_int;
const room = (1 << 20) + 64;
var from_bytes: [room]u8 align(4096) = undefined;
var to_bytes: [room]u8 align(4096) = undefined;
var p_memcpy: *const @TypeOf(memcpy) = &memcpy;
var p_memset: *const @TypeOf(memset) = &memset;
var p_memcmp: *const @TypeOf(memcmp) = &memcmp;
var length: usize = 0;
var sink: c_int = 0;
fn vol(comptime T: type, pointer: *T) T {
    return @as(*volatile T, pointer).*;
}
const sizes = [_]u64{ 0, 1, 2, 3, 5, 8, 12, 16, 17, 24, 32, 48, 64, 100, 128, 192, 256, 400, 512, 1000, 2048, 4096, 16384, 65536, 262144, 1048576 };
fn memory() void {
    for ([_]struct { usize, usize, []const u8 }{ .{ 0, 0, "" }, .{ 3, 9, "u" } }) |skew| {
        const to: *anyopaque = @ptrCast(&to_bytes[skew[0]]);
        const from: *anyopaque = @ptrCast(&from_bytes[skew[1]]);
        for (sizes) |size| {
            const n = @max(times(40_000_000 / (size + 400)), 3);
            const count: f64 = @floatFromInt(n);
            length = size;
            _ = p_memset(from, 0x5a, size);
            _ = p_memset(to, 0, size);
            _ = p_memcpy(to, from, size);
            const t0 = cpuNs();
            for (0..n) |_| _ = vol(@TypeOf(p_memcpy), &p_memcpy)(to, from, vol(usize, &length));
            const t1 = cpuNs();
            verify(p_memcmp(to, from, size) == 0, "memcpy");
            const t2 = cpuNs();
            for (0..n) |_| @as(*volatile c_int, &sink).* = vol(@TypeOf(p_memcmp), &p_memcmp)(to, from, vol(usize, &length));
            const t3 = cpuNs();
            for (0..n) |_| _ = vol(@TypeOf(p_memset), &p_memset)(to, 0x77, vol(usize, &length));
            const t4 = cpuNs();
            print("memcpy_{d}{s} {d:.3} ns\n", .{ size, skew[2], (t1 - t0) / count });
            print("memcmp_{d}{s} {d:.3} ns\n", .{ size, skew[2], (t3 - t2) / count });
            print("memset_{d}{s} {d:.3} ns\n", .{ size, skew[2], (t4 - t3) / count });
        }
    }
}

// A job through the thread pool of std.Io, which recycles its threads.
fn pool(name: []const u8) !void {
    const n = times(4000);
    const timer = Timer.start();
    for (0..n) |_| {
        var job = try io.concurrent(empty, .{});
        job.await(io);
    }
    timer.stop(name, n);
}

pub fn main(init: std.process.Init) !void {
    io = init.io;
    const arguments = init.minimal.args.vector;
    const name = if (arguments.len > 1) std.mem.span(arguments[1]) else "";
    if (arguments.len > 2) percent = try std.fmt.parseInt(u64, std.mem.span(arguments[2]), 10);
    if (arguments.len > 3) chosen_count = try std.fmt.parseInt(u64, std.mem.span(arguments[3]), 10);
    const Test = enum { spawn_join, spawn_join_touch, spawn_detach, batch, scale, memory, pool_1cpu, pool_2cpu, mutex_alone, mutex_2_short, mutex_4_short, mutex_8_short, mutex_2_long, mutex_4_long, mutex_8_long, rwlock_read, condvar_1cpu, condvar_2cpu };
    switch (std.meta.stringToEnum(Test, name) orelse std.process.exit(2)) {
        .spawn_join => try spawnJoin(name, empty),
        .spawn_join_touch => try spawnJoin(name, touch),
        .spawn_detach => try spawnDetach(),
        .batch => try batch(),
        .scale => try scale(),
        .memory => memory(),
        .pool_1cpu, .pool_2cpu => try pool(name),
        .mutex_alone => try besideAnother(mutexAlone),
        .mutex_2_short => try mutexContended(name, 2, false),
        .mutex_4_short => try mutexContended(name, 4, false),
        .mutex_8_short => try mutexContended(name, 8, false),
        .mutex_2_long => try mutexContended(name, 2, true),
        .mutex_4_long => try mutexContended(name, 4, true),
        .mutex_8_long => try mutexContended(name, 8, true),
        .rwlock_read => try besideAnother(rwlockRead),
        .condvar_1cpu => try pingPong(name, times(8000), 0),
        .condvar_2cpu => try pingPong(name, times(1500), 1),
    }
}
