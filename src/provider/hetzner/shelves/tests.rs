//! Tests of choosing and planning, over a catalogue in the API's shape.

mod changes;
mod fixture;
mod offers;
mod whole;
