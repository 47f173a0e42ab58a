//! A bounded load generator.
