//! The table of emulated machines that start a real kernel: Debian's, one for each of its CPUs.
//!
//! It does not know how a kernel is fetched or a machine is run; see `boot`.

/// A whole machine, emulated, and the kernel that it starts.
#[derive(Debug)]
pub struct Machine {
    /// Debian's name of the CPU.
    pub debian: &'static str,
    /// The package that depends on Debian's newest kernel for the machine.
    pub package: &'static str,
    /// The emulator.
    pub emulator: &'static str,
    /// The Debian package that carries the emulator.
    pub emulator_package: &'static str,
    /// The emulator's arguments: what the machine is made of.
    pub hardware: &'static [&'static str],
    /// What the kernel is told of its console, where it does not find it by itself.
    pub console: &'static str,
    /// What `AT_PAGESZ` must say on this kernel.
    pub page_bytes: u64,
}

/// What a machine is unless it says otherwise.
const ORDINARY: Machine = Machine {
    debian: "",
    package: "",
    emulator: "",
    emulator_package: "",
    hardware: &[],
    console: "console=ttyS0",
    page_bytes: 4096,
};

/// 64-bit PC.
pub const AMD64: Machine = Machine {
    debian: "amd64",
    package: "linux-image-amd64",
    emulator: "qemu-system-x86_64",
    emulator_package: "qemu-system-x86",
    hardware: &["-m", "512", "-smp", "2"],
    ..ORDINARY
};

/// 64-bit ARM.
pub const ARM64: Machine = Machine {
    debian: "arm64",
    package: "linux-image-arm64",
    emulator: "qemu-system-aarch64",
    emulator_package: "qemu-system-arm",
    hardware: &["-M", "virt", "-cpu", "cortex-a57", "-m", "512", "-smp", "2"],
    console: "console=ttyAMA0",
    ..ORDINARY
};

/// 32-bit ARM.
pub const ARMHF: Machine = Machine {
    debian: "armhf",
    package: "linux-image-armmp-lpae",
    emulator: "qemu-system-arm",
    emulator_package: "qemu-system-arm",
    hardware: &[
        "-M",
        "virt,highmem=off",
        "-cpu",
        "cortex-a15",
        "-m",
        "512",
        "-smp",
        "2",
    ],
    console: "console=ttyAMA0",
    ..ORDINARY
};

/// IBM Z: the only big-endian one.
pub const S390X: Machine = Machine {
    debian: "s390x",
    package: "linux-image-s390x",
    emulator: "qemu-system-s390x",
    emulator_package: "qemu-system-misc",
    hardware: &["-M", "s390-ccw-virtio", "-m", "512", "-smp", "2"],
    console: "",
    ..ORDINARY
};

/// 64-bit POWER, little-endian: the only one with large pages.
pub const PPC64EL: Machine = Machine {
    debian: "ppc64el",
    package: "linux-image-powerpc64le",
    emulator: "qemu-system-ppc64le",
    emulator_package: "qemu-system-ppc",
    hardware: &["-M", "pseries", "-vga", "none", "-m", "1024", "-smp", "2"],
    console: "console=hvc0",
    page_bytes: 65536,
};

/// 64-bit MIPS, little-endian, with one processor.
pub const MIPS64EL: Machine = Machine {
    debian: "mips64el",
    package: "linux-image-5kc-malta",
    emulator: "qemu-system-mips64el",
    emulator_package: "qemu-system-mips",
    hardware: &["-M", "malta", "-cpu", "5KEf", "-m", "512"],
    ..ORDINARY
};

/// 32-bit MIPS, little-endian, with one processor.
pub const MIPSEL: Machine = Machine {
    debian: "mipsel",
    package: "linux-image-4kc-malta",
    emulator: "qemu-system-mipsel",
    emulator_package: "qemu-system-mips",
    hardware: &["-M", "malta", "-cpu", "24Kf", "-m", "512"],
    ..ORDINARY
};
