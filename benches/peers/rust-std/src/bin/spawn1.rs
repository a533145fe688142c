//! One thread, which writes the line.

fn main() {
    let thread = std::thread::spawn(|| println!("Hello, world!"));
    thread.join().expect("the thread returned");
}
