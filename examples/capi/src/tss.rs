//! Thread-specific storage: `tb_tss_*`. For a number of things that is known, `_Thread_local`
//! serves better.

use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr;

use threadbare::Errno;
use threadbare::sync::Mutex;
use threadbare::thread_local;

/// How many keys there may be.
pub const TB_TSS_KEYS_MAX: usize = 32;
/// How often a thread's values are looked through at its end, where destructors set new ones.
const ROUNDS_MAX: usize = 4;

type Destructor = extern "C" fn(*mut c_void);

/// A key, by which each thread has a value of its own.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_tss {
    /// Its place, and how many keys there were at it before.
    place: u32,
    generation: u32,
}

#[derive(Clone, Copy)]
struct Key {
    is_used: bool,
    generation: u32,
    destructor: Option<Destructor>,
}

static KEYS: Mutex<[Key; TB_TSS_KEYS_MAX]> = Mutex::new(
    [Key {
        is_used: false,
        generation: 0,
        destructor: None,
    }; TB_TSS_KEYS_MAX],
);

struct Values([Cell<(u32, *mut c_void)>; TB_TSS_KEYS_MAX]);

impl Drop for Values {
    /// The thread ends.
    fn drop(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut was_called = false;
            for (place, value) in self.0.iter().enumerate() {
                let (generation, value) = value.replace((0, ptr::null_mut()));
                let key = { KEYS.lock().unwrap()[place] };
                let is_its = key.is_used && key.generation == generation;
                if let (true, false, Some(destructor)) = (is_its, value.is_null(), key.destructor) {
                    // With no lock held: it may use keys.
                    destructor(value);
                    was_called = true;
                }
            }
            if !was_called {
                return;
            }
        }
    }
}

/// What a thread begins with at each place.
#[allow(
    clippy::declare_interior_mutable_const,
    reason = "it is copied, once for each place"
)]
const NOTHING: Cell<(u32, *mut c_void)> = Cell::new((0, ptr::null_mut()));

thread_local! {
    static VALUES: Values = const { Values([NOTHING; TB_TSS_KEYS_MAX]) };
}

/// Makes a key. At the end of each thread that this library started the destructor is called with
/// the thread's value, if that is not null. Returns 0, or EAGAIN where there are TB_TSS_KEYS_MAX.
///
/// # Safety
/// 1. `key` has room for one; `destructor` is null or may be called so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_tss_create(
    key: *mut tb_tss,
    destructor: Option<extern "C" fn(*mut c_void)>,
) -> c_int {
    let mut keys = KEYS.lock().unwrap();
    let Some(place) = keys.iter().position(|key| !key.is_used) else {
        return Errno::AGAIN.raw();
    };
    let generation = keys[place].generation.wrapping_add(1);
    keys[place] = Key {
        is_used: true,
        generation,
        destructor,
    };
    // SAFETY: clause 1.
    unsafe {
        key.write(tb_tss {
            place: place as u32,
            generation,
        });
    }
    0
}

/// Gives a key up. No destructor is called for what threads still have by it.
#[unsafe(no_mangle)]
pub extern "C" fn tb_tss_delete(key: tb_tss) {
    let mut keys = KEYS.lock().unwrap();
    if let Some(found) = keys.get_mut(key.place as usize)
        && found.generation == key.generation
    {
        found.is_used = false;
    }
}

/// Returns the calling thread's value, null if it has set none.
#[unsafe(no_mangle)]
pub extern "C" fn tb_tss_get(key: tb_tss) -> *mut c_void {
    let value = VALUES.try_with(|values| values.0.get(key.place as usize).map(Cell::get));
    match value {
        Ok(Some((generation, value))) if generation == key.generation => value,
        _ => ptr::null_mut(),
    }
}

/// Sets the calling thread's value: 0, EINVAL for what is no key, or EAGAIN at the end of a thread
/// whose values are gone.
#[unsafe(no_mangle)]
pub extern "C" fn tb_tss_set(key: tb_tss, value: *mut c_void) -> c_int {
    let is_set = VALUES.try_with(|values| {
        let place = values.0.get(key.place as usize);
        place
            .map(|place| place.set((key.generation, value)))
            .is_some()
    });
    match is_set {
        Ok(true) => 0,
        Ok(false) => Errno::INVAL.raw(),
        Err(_) => Errno::AGAIN.raw(),
    }
}
