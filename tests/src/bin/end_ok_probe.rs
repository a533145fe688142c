//! Not a program of the suite's protocol: its `main` returns `Ok`.

#![no_std]
#![no_main]

threadbare::entry!(main);

fn main() -> Result<(), &'static str> {
    threadbare::print!("ok");
    Ok(())
}
