//! The table against itself.

use super::*;

#[test]
fn wrong_arch_lists_the_right_ones() {
    let message = parse_arch("vax").unwrap_err();
    for row in TABLE {
        assert!(message.contains(row.name), "{message}");
    }
    assert!(message.contains("host") && message.contains("all"));
}

#[test]
fn all_selects_every_row_and_a_name_selects_one() {
    assert_eq!(select("all").unwrap().len(), TABLE.len());
    assert_eq!(select("mips").unwrap()[0].triple, "mips-unknown-linux-gnu");
    assert_eq!(select("mips").unwrap().len(), 1);
}

#[test]
fn names_are_unique() {
    for (index, row) in TABLE.iter().enumerate() {
        assert!(TABLE[..index].iter().all(|other| other.name != row.name));
    }
}
