//! One thread, its result, and the end.

#![no_std]
#![no_main]

use threadbare::{println, thread};

threadbare::entry!(main);

fn main() {
    let answer = thread::spawn(|| 6 * 7);
    match answer.join() {
        Ok(answer) => println!("the answer is {answer}"),
        Err(error) => println!("{error}"),
    }
}
