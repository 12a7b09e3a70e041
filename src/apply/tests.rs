//! Apply against a platform in memory, with hand-made plans.

mod fake;
mod kill;
mod recovery;
mod rules;
mod stage;
