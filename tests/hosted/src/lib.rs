//! Nothing: the tests are in `tests/`, and reach the library through its test seam.
