//! What is measured.

/// One thread's use of the object that a case shares.
pub trait Lane: Send {
    /// Runs so many operations and counts those that did not go as the case claims.
    fn run(&mut self, operations: u64) -> u64;
}

/// An operation says whether it went as the case claims. The loop is compiled together with it.
impl<Operation: FnMut() -> bool + Send> Lane for Operation {
    fn run(&mut self, operations: u64) -> u64 {
        (0..operations).map(|_| u64::from(!self())).sum()
    }
}

/// A workload on one shared object.
pub struct Case {
    /// As it stands in the table.
    pub name: String,
    lane: Box<dyn Fn() -> Box<dyn Lane>>,
}

impl Case {
    /// A case; `lane` makes one thread's operation on the object that it owns.
    pub fn new<Operation>(name: impl Into<String>, lane: impl Fn() -> Operation + 'static) -> Self
    where
        Operation: FnMut() -> bool + Send + 'static,
    {
        Self { name: name.into(), lane: Box::new(move || Box::new(lane())) }
    }

    /// One thread's way to use the shared object.
    pub fn lane(&self) -> Box<dyn Lane> {
        (self.lane)()
    }
}
