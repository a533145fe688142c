//! Not a program of the suite's protocol: its `main` leaves thread-locals behind.

#![no_std]
#![no_main]

threadbare::entry!(main);

struct Last(&'static str);

impl Drop for Last {
    fn drop(&mut self) {
        threadbare::print!("{}", self.0);
    }
}

threadbare::thread_local! {
    static ONE: Last = Last("one");
    static TWO: Last = const { Last("two ") };
    static UNUSED: Last = Last("unused");
}

fn main() {
    if threadbare::env::args().len() > 5 {
        UNUSED.with(|_| ());
    }
    ONE.with(|_| ());
    TWO.with(|_| threadbare::print!("main "));
}
