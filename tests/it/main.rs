//! One binary for every test that looks at the whole workspace or at running programs.
