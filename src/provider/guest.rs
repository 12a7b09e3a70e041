//! A machine that is reached over SSH, as every platform with real machines has it.
