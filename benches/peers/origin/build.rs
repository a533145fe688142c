//! The link options of origin's smallest example. `-N` leaves the program headers out of memory,
//! which its threads read; the program with a thread merges its segments in another way.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let all = ["-nostartfiles", "-static", "-no-pie"];
    let small = ["-Wl,--no-eh-frame-hdr", "-Wl,--build-id=none"];
    for argument in all.iter().chain(&small) {
        println!("cargo:rustc-link-arg={argument}");
    }
    for (bin, argument) in [
        ("hello", "-Wl,-N"),
        ("hello", "-Wl,-z,nognustack"),
        ("spawn1", "-Wl,-z,noseparate-code"),
    ] {
        println!("cargo:rustc-link-arg-bin={bin}={argument}");
    }
}
