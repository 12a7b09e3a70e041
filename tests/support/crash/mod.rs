//! A process that is killed at any moment of its work on a platform, while the API
//! itself fails, loses nothing and makes nothing twice. Each platform says in a module
//! `platform` what is run and what goes wrong; its `witness` holds what is there
//! against the state and its journal.

pub mod stage;

use std::time::{Duration, Instant};

use self::stage::{Account, Stage};
use crate::platform::{BETWEEN_CHECKS, OTHER_IMAGE, OTHER_TYPE, PROJECTS, ROUNDS};
use crate::witness;

/// Torments the projects at the same time, each with a platform of its own; the seed
/// that repeats it and what happened are told.
pub fn torment_all() {
    let mut random = Random::seeded();
    let rounds = std::env::var("SANDPLAN_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let kills = rounds.unwrap_or(ROUNDS).div_ceil(PROJECTS);
    let seeds: Vec<u64> = (0..PROJECTS).map(|_| random.below(u64::MAX)).collect();
    let account = std::thread::scope(|scope| {
        let projects: Vec<_> = seeds
            .into_iter()
            .map(|seed| scope.spawn(move || torment(Random(seed), kills)))
            .collect();
        let mut account = Account::default();
        projects.into_iter().for_each(|project| account.add(project.join().unwrap()));
        account
    });
    eprintln!("{account:?}");
}

/// Kills so many runs of one project, and sees that nothing is ever lost.
fn torment(mut random: Random, kills: u64) -> Account {
    let mut stage = Stage::new();
    let mut runs = 0;
    stage.break_things(&mut random);
    let began = Instant::now();
    stage.run(&["apply", "-auto-approve"]);
    let undisturbed = began.elapsed();
    put_in_order(&mut stage, "begun");
    while stage.account.kills < kills {
        if runs % BETWEEN_CHECKS == 0 {
            stage.break_things(&mut random);
        }
        let round = Round::drawn(&mut random, runs % BETWEEN_CHECKS, undisturbed);
        runs += 1;
        assert!(runs < 20 + kills * 3, "{runs} runs, and {:?}", stage.account);
        stage.killed(&round.arguments, round.moment);
        let context = format!("run {runs}: {round:?}, in {}", stage.root.display());
        witness::nothing_is_lost(&stage, &context);
        if runs % BETWEEN_CHECKS == 0 || stage.account.kills == kills {
            put_in_order(&mut stage, &context);
        }
    }
    stage.succeeds(&["destroy", "-auto-approve"]);
    witness::nothing_is_left(&stage);
    std::mem::take(&mut stage.account)
}

/// Ends all faults; then one apply has to be enough.
fn put_in_order(stage: &mut Stage, context: &str) {
    stage.mend_things();
    stage.succeeds(&["apply", "-auto-approve"]);
    witness::exactly_what_is_desired(stage, context);
}

/// What is run, and when it is killed.
#[derive(Debug)]
struct Round {
    arguments: Vec<String>,
    moment: Duration,
}

impl Round {
    /// Draws a command, and a moment somewhere in the time that it takes undisturbed.
    /// At first, while all is there, it changes what lives.
    fn drawn(random: &mut Random, nth: u64, undisturbed: Duration) -> Self {
        let chance = if nth < 4 { 8 } else { 12 };
        let any = random.below(1_000);
        let (command, flag) = match random.below(chance) {
            0 => ("apply", "-replace=sandbox.box[*]".to_owned()),
            1 => ("apply", "-replace=sandbox.twin[*]".to_owned()),
            2 => ("apply", format!("-var=boxes={}", 3 + any % 6)),
            3 => ("apply", format!("-var=round={any}")),
            4 | 5 => ("apply", format!("-var=image={OTHER_IMAGE}")),
            6 | 7 => ("apply", format!("-var=type={OTHER_TYPE}")),
            8 => ("apply", "-var=round=0".to_owned()),
            _ => ("destroy", "-parallelism=10".to_owned()),
        };
        let most = undisturbed / if command == "destroy" { 3 } else { 1 };
        let most = u64::try_from(most.as_millis()).unwrap().max(1);
        let moment = Duration::from_millis(random.below(most));
        Self { arguments: vec![command.to_owned(), flag], moment }
    }
}

/// Splitmix64: the same rounds for the same seed.
pub struct Random(u64);

impl Random {
    /// Takes the seed from `CRASH_SEED`, or a new one, and says which.
    fn seeded() -> Self {
        let given = std::env::var("CRASH_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        eprintln!("repeat with CRASH_SEED={seed}");
        Self(seed)
    }

    /// Draws a number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
