//! Bodies: real machines behind servers.
