use super::*;

const S: i64 = 1_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * S)
}

fn steady(seconds: i64) -> Steady {
    Steady(seconds * S)
}

fn rules() -> Rules {
    Rules {
        out_of_order: Duration::ZERO,
        max_ahead: Duration::from_secs(600),
        idle: Duration::from_secs(30),
        remember: None,
    }
}

fn publishers(rules: Rules) -> Publishers {
    Publishers::restore(rules, Frontier::START, Vec::new(), at(0))
}

fn id(name: &str, session: u64, batch: u64) -> PublisherId {
    PublisherId { name: name.into(), session, batch }
}

/// Judges and takes over; the clock is at 1,000 s.
fn publish(publishers: &mut Publishers, request: Request<'_>) -> Result<Verdict, PublishError> {
    let verdict = publishers.judge(request, at(1000))?;
    publishers.apply(&verdict);
    if let Some(publisher) = request.publisher {
        publishers.hear(&publisher.name, at(1000));
    }
    Ok(verdict)
}

fn records(publishers: &mut Publishers, id: &PublisherId, seconds: &[i64]) -> Verdict {
    let times: Vec<i64> = seconds.iter().map(|second| second * S).collect();
    publish(publishers, Request { publisher: Some(id), times: Some(&times), ..Request::default() }).unwrap()
}

fn heartbeat(publishers: &mut Publishers, id: &PublisherId, second: i64) -> Verdict {
    publish(publishers, Request { publisher: Some(id), heartbeat: Some(at(second)), ..Request::default() }).unwrap()
}

fn leave(publishers: &mut Publishers, id: &PublisherId) -> Verdict {
    publish(publishers, Request { publisher: Some(id), leave: true, ..Request::default() }).unwrap()
}

#[test]
fn the_frontier_is_the_least_bound_of_those_who_are_joined() {
    let mut all = publishers(rules());
    let (a, b) = (id("a", 1, 1), id("b", 1, 1));
    assert_eq!(records(&mut all, &a, &[1, 5, 3]).frontier, Frontier::At(at(5)));
    assert_eq!(records(&mut all, &b, &[6]).frontier, Frontier::At(at(5)), "a is still at 5");
    assert_eq!(heartbeat(&mut all, &a, 9).frontier, Frontier::At(at(6)), "now b holds it");
    assert_eq!(
        all.joined().iter().map(|joined| (&*joined.name, joined.bound)).collect::<Vec<_>>(),
        [("b", at(6)), ("a", at(9))]
    );
}

#[test]
fn a_publisher_that_joins_is_bound_by_the_frontier_it_finds() {
    let mut all = publishers(rules());
    records(&mut all, &id("a", 1, 1), &[10]);
    let early = records(&mut all, &id("b", 1, 1), &[4]);
    assert_eq!((early.frontier, early.late.unwrap().count_set_bits()), (Frontier::At(at(10)), 1));
    assert_eq!(heartbeat(&mut all, &id("a", 1, 0), 20).frontier, Frontier::At(at(10)), "b has said nothing past 10");
}

#[test]
fn the_allowance_keeps_the_bound_behind_the_latest_record() {
    let mut all = publishers(Rules { out_of_order: Duration::from_secs(3), ..rules() });
    let a = id("a", 1, 1);
    assert_eq!(records(&mut all, &a, &[10]).frontier, Frontier::At(at(7)));
    let second = records(&mut all, &id("a", 1, 2), &[6, 7, 9]);
    assert_eq!(second.late, Some(BooleanBuffer::from(vec![true, false, false])), "only 6 is before 7");
    assert_eq!(second.frontier, Frontier::At(at(7)), "an earlier record moves nothing back");
}

#[test]
fn records_of_one_batch_are_judged_by_the_frontier_before_it() {
    let mut all = publishers(rules());
    let verdict = records(&mut all, &id("a", 1, 1), &[9, 1, 5]);
    assert_eq!((verdict.late, verdict.frontier), (None, Frontier::At(at(9))));
}

#[test]
fn a_heartbeat_of_a_batch_applies_after_it() {
    let mut all = publishers(rules());
    let a = id("a", 1, 1);
    let times = [2 * S];
    let request = Request { publisher: Some(&a), times: Some(&times), heartbeat: Some(at(7)), ..Request::default() };
    let verdict = publish(&mut all, request).unwrap();
    assert_eq!((verdict.late, verdict.frontier), (None, Frontier::At(at(7))));
}

#[test]
fn with_nobody_joined_the_frontier_stays() {
    let mut all = publishers(rules());
    let a = id("a", 1, 1);
    records(&mut all, &a, &[5]);
    assert_eq!(leave(&mut all, &a).frontier, Frontier::At(at(5)));
    assert!(all.nobody_joined());
    assert_eq!(all.next_deadline(), None);
}

#[test]
fn leaving_releases_the_frontier() {
    let mut all = publishers(rules());
    let (a, b) = (id("a", 1, 1), id("b", 1, 1));
    records(&mut all, &a, &[5]);
    records(&mut all, &b, &[8]);
    assert_eq!(leave(&mut all, &a).frontier, Frontier::At(at(8)));
}

#[test]
fn an_unnamed_publisher_is_joined_for_its_request_only() {
    let mut all = publishers(Rules { out_of_order: Duration::from_secs(2), ..rules() });
    let times = [10 * S];
    let request = Request { times: Some(&times), ..Request::default() };
    let verdict = publish(&mut all, request).unwrap();
    assert_eq!((verdict.frontier, verdict.publishers), (Frontier::At(at(8)), vec![]));
    assert!(all.nobody_joined());
    let done = publish(&mut all, Request { done: true, ..request }).unwrap();
    assert_eq!(done.frontier, Frontier::At(Timestamp(10 * S + 1)));
}

#[test]
fn an_unnamed_publisher_does_not_pass_one_that_holds() {
    let mut all = publishers(rules());
    records(&mut all, &id("a", 1, 1), &[5]);
    let times = [10 * S];
    let verdict = publish(&mut all, Request { times: Some(&times), ..Request::default() }).unwrap();
    assert_eq!(verdict.frontier, Frontier::At(at(5)));
}

#[test]
fn done_drops_the_allowance_and_leaves() {
    let mut all = publishers(Rules { out_of_order: Duration::from_secs(1800), ..rules() });
    let a = id("a", 1, 1);
    records(&mut all, &a, &[10]);
    let verdict = publish(&mut all, Request { publisher: Some(&a), done: true, ..Request::default() }).unwrap();
    assert_eq!(verdict.frontier, Frontier::At(Timestamp(10 * S + 1)));
    assert!(all.nobody_joined());
}

#[test]
fn a_publisher_that_has_left_can_still_say_that_its_history_is_done() {
    let mut all = publishers(Rules { out_of_order: Duration::from_secs(3), ..rules() });
    let a = id("a", 1, 1);
    records(&mut all, &a, &[10]);
    assert_eq!(leave(&mut all, &a).frontier, Frontier::At(at(7)));
    let verdict = publish(&mut all, Request { publisher: Some(&a), done: true, ..Request::default() }).unwrap();
    assert_eq!(verdict.frontier, Frontier::At(Timestamp(10 * S + 1)));
}

#[test]
fn done_waits_for_the_others() {
    let mut all = publishers(rules());
    let (a, b) = (id("a", 1, 1), id("b", 1, 1));
    records(&mut all, &b, &[3]);
    records(&mut all, &a, &[10]);
    let verdict = publish(&mut all, Request { publisher: Some(&a), done: true, ..Request::default() }).unwrap();
    assert_eq!(verdict.frontier, Frontier::At(at(3)));
}

#[test]
fn only_the_next_batch_is_accepted() {
    let mut all = publishers(rules());
    records(&mut all, &id("a", 1, 1), &[1]);
    assert!(records(&mut all, &id("a", 1, 1), &[1]).repeat);
    assert!(!records(&mut all, &id("a", 1, 2), &[2]).repeat);
    let gap = all.judge(Request { publisher: Some(&id("a", 1, 4)), times: Some(&[]), ..Request::default() }, at(0));
    assert!(matches!(gap, Err(PublishError::Gap { expected: 3, found: 4, .. })));
    let first = all.judge(Request { publisher: Some(&id("b", 1, 2)), times: Some(&[]), ..Request::default() }, at(0));
    assert!(matches!(first, Err(PublishError::Gap { expected: 1, found: 2, .. })), "the first batch is 1");
}

#[test]
fn a_repeat_appends_nothing_but_its_heartbeat_counts() {
    let mut all = publishers(rules());
    let a = id("a", 1, 1);
    records(&mut all, &a, &[1]);
    let request = Request { publisher: Some(&a), times: Some(&[S]), heartbeat: Some(at(4)), ..Request::default() };
    let verdict = publish(&mut all, request).unwrap();
    assert_eq!((verdict.repeat, verdict.late, verdict.frontier), (true, None, Frontier::At(at(4))));
    assert_eq!(all.find("a"), Some((1, 1)));
}

#[test]
fn a_new_session_fences_the_old_one() {
    let mut all = publishers(rules());
    records(&mut all, &id("a", 1, 1), &[1]);
    records(&mut all, &id("a", 2, 1), &[2]);
    let old = all.judge(Request { publisher: Some(&id("a", 1, 2)), times: Some(&[]), ..Request::default() }, at(0));
    let Err(fenced @ PublishError::Fenced { session: 1, by: 2, .. }) = old else { panic!("{old:?}") };
    assert!(fenced.to_string().contains("a session greater than 2 takes the name back"), "{fenced}");
    let old = all.judge(Request { publisher: Some(&id("a", 1, 0)), leave: true, ..Request::default() }, at(0));
    assert!(matches!(old, Err(PublishError::Fenced { .. })), "it can't end the attendance of the new one either");
    assert_eq!(all.find("a"), Some((2, 1)));
}

#[test]
fn who_takes_a_name_over_is_told_from_whom() {
    let mut all = publishers(rules());
    assert_eq!(all.taken_over(&id("a", 1, 1)), None, "nobody had it");
    records(&mut all, &id("a", 1, 1), &[1]);
    assert_eq!(all.taken_over(&id("a", 1, 2)), None, "it is the same session");
    let before = all.taken_over(&id("a", 2, 1)).expect("the first session has the name");
    assert_eq!((before.session, before.batch, before.joined), (1, 1, true));
    leave(&mut all, &id("a", 1, 1));
    assert!(!all.taken_over(&id("a", 2, 1)).expect("it is remembered").joined);
}

#[test]
fn a_batch_is_remembered_after_its_publisher_left() {
    let mut all = publishers(rules());
    let a = id("a", 7, 1);
    records(&mut all, &a, &[1]);
    leave(&mut all, &a);
    assert_eq!(all.find("a"), Some((7, 1)));
    assert!(records(&mut all, &a, &[1]).repeat);
}

#[test]
fn seal_empties_the_frontier_and_refuses_what_is_new() {
    let mut all = publishers(rules());
    let a = id("a", 1, 1);
    let request = Request { publisher: Some(&a), times: Some(&[S]), seal: true, ..Request::default() };
    assert_eq!(publish(&mut all, request).unwrap().frontier, Frontier::Empty);
    assert!(publish(&mut all, request).unwrap().repeat, "what was acknowledged is acknowledged again");
    let next = id("a", 1, 2);
    let refused = all.judge(Request { publisher: Some(&next), times: Some(&[S]), ..Request::default() }, at(0));
    assert!(matches!(refused, Err(PublishError::Sealed)));
    assert_eq!(publish(&mut all, Request { seal: true, ..Request::default() }).unwrap().frontier, Frontier::Empty);
    assert!(all.nobody_joined());
}

#[test]
fn silence_is_taken_for_leaving() {
    let mut all = publishers(rules());
    records(&mut all, &id("a", 1, 1), &[5]);
    records(&mut all, &id("b", 1, 1), &[8]);
    all.hear("b", at(1010));
    assert_eq!(all.next_deadline(), Some(steady(1030)));
    assert_eq!(all.tick(at(1029)), None);
    let verdict = all.tick(at(1030)).unwrap();
    assert_eq!(verdict.frontier, Frontier::At(at(8)));
    all.apply(&verdict);
    assert_eq!(all.next_deadline(), Some(steady(1040)));
    let verdict = all.tick(at(1040)).unwrap();
    assert_eq!(verdict.frontier, Frontier::At(at(8)), "with nobody joined it stays");
}

#[test]
fn the_node_speaks_only_where_nobody_does() {
    let mut all = publishers(rules());
    let a = id("a", 1, 1);
    records(&mut all, &a, &[5]);
    assert_eq!(all.node_heartbeat(at(9)), None);
    leave(&mut all, &a);
    assert_eq!(all.node_heartbeat(at(9)).unwrap().frontier, Frontier::At(at(9)));
    assert_eq!(all.node_heartbeat(at(5)), None, "it would change nothing");
}

#[test]
fn a_heartbeat_far_past_the_clock_is_refused() {
    let all = publishers(rules());
    let request = Request { heartbeat: Some(at(1601)), ..Request::default() };
    assert!(matches!(all.judge(request, at(1000)), Err(PublishError::HeartbeatAhead { .. })));
    assert!(all.judge(Request { history: true, ..request }, at(1000)).is_ok());
}

#[test]
fn nothing_changes_for_a_heartbeat_that_says_nothing_new() {
    let mut all = publishers(rules());
    let a = id("a", 1, 0);
    heartbeat(&mut all, &a, 9);
    let again = heartbeat(&mut all, &a, 9);
    assert_eq!((again.publishers, again.frontier), (vec![], Frontier::At(at(9))));
}

#[test]
fn replaying_the_records_gives_the_same_publishers() {
    let mut all = publishers(rules());
    records(&mut all, &id("a", 1, 1), &[5]);
    records(&mut all, &id("b", 3, 1), &[8]);
    leave(&mut all, &id("b", 3, 0));
    let mut again = Publishers::restore(rules(), all.frontier(), all.records(), at(2000));
    assert_eq!(again.find("b"), Some((3, 1)));
    assert_eq!(again.joined().len(), 1);
    assert_eq!(again.next_deadline(), Some(steady(2030)), "the idle time starts anew");
    assert_eq!(records(&mut again, &id("a", 1, 2), &[7]).frontier, Frontier::At(at(7)));
}

#[test]
fn the_longest_unheard_of_is_forgotten_first() {
    let mut all = publishers(rules());
    let records = (0..MAX_REMEMBERED).map(|number| PublisherRecord {
        name: format!("p{number}"),
        session: 1,
        last_batch: 1,
        heard: at(number as i64),
        latest: None,
        joined: None,
        allowance: None,
        bookmark: Vec::new(),
    });
    all.apply(&Verdict { publishers: records.collect(), ..Verdict::of(Frontier::START) });
    all.hear("p0", at(100_000));
    let verdict = self::records(&mut all, &id("one more", 1, 1), &[1]);
    assert_eq!(verdict.forgotten, ["p0"], "what the log does not say counts for nothing");
    assert_eq!((all.find("p0"), all.find("p1")), (None, Some((1, 1))));
}

#[test]
fn all_sources_together_remember_only_so_many_and_refuse_who_joins_where_nobody_can_be_forgotten() {
    let everywhere = Arc::new(Remembered::default());
    let mut source = publishers(rules()).among(everywhere.clone());
    records(&mut source, &id("gone", 1, 1), &[1]);
    leave(&mut source, &id("gone", 1, 0));
    everywhere.0.fetch_add(MAX_ALL - 1, Ordering::Relaxed);
    records(&mut source, &id("a", 1, 1), &[1]);
    assert_eq!((source.find("gone"), source.find("a")), (None, Some((1, 1))), "the one that left makes room");
    let b = id("b", 1, 1);
    let refused = source.judge(Request { publisher: Some(&b), times: Some(&[S]), ..Request::default() }, at(0));
    assert!(matches!(refused, Err(PublishError::TooManyPublishers { limit: MAX_ALL })), "{refused:?}");
    records(&mut source, &id("a", 1, 2), &[2]);
    drop(source);
    assert_eq!(everywhere.0.load(Ordering::Relaxed), MAX_ALL - 1);
}

#[test]
fn who_left_is_forgotten_when_the_records_are() {
    let mut all = publishers(Rules { remember: Some(Duration::from_secs(60)), ..rules() });
    let (a, b) = (id("a", 1, 1), id("b", 1, 1));
    records(&mut all, &a, &[5]);
    leave(&mut all, &a);
    records(&mut all, &b, &[5]);
    all.hear("b", at(1061));
    assert_eq!(all.tick(at(1060)), None);
    let verdict = all.tick(at(1061)).expect("it is in the log who is forgotten");
    assert_eq!(verdict, Verdict { forgotten: vec!["a".to_owned()], ..Verdict::of(all.frontier()) });
    all.apply(&verdict);
    assert_eq!((all.find("a"), all.find("b")), (None, Some((1, 1))));
    assert_eq!(all.tick(at(1061)), None);
}

#[test]
fn a_name_has_a_length() {
    let all = publishers(rules());
    for name in [String::new(), "x".repeat(MAX_NAME + 1)] {
        let publisher = id(&name, 1, 1);
        let verdict = all.judge(Request { publisher: Some(&publisher), ..Request::default() }, at(0));
        assert!(matches!(verdict, Err(PublishError::Name { .. })));
    }
}

#[test]
fn an_allowance_of_its_own_takes_the_place_of_the_streams_for_a_session() {
    let mut all = publishers(Rules { out_of_order: Duration::from_secs(3), ..rules() });
    let mut frontier = |session, batch, second: i64, allowance| {
        let (publisher, times) = (id("a", session, batch), [second * S]);
        let request = Request { publisher: Some(&publisher), times: Some(&times), allowance, ..Request::default() };
        publish(&mut all, request).unwrap().frontier
    };
    assert_eq!(frontier(1, 1, 100, Some(60 * S as u64)), Frontier::At(at(40)));
    assert_eq!(frontier(1, 2, 110, None), Frontier::At(at(50)), "it need not say it again");
    assert_eq!(frontier(2, 1, 110, None), Frontier::At(at(107)), "another session has the stream's");
}

#[test]
fn a_bookmark_is_kept_with_the_batch_that_it_came_with() {
    let mut all = publishers(rules());
    let mut left = |batch, times: Option<&[i64]>, bookmark: &[u8]| {
        let publisher = id("a", 1, batch);
        let request = Request { publisher: Some(&publisher), times, bookmark: Some(bookmark), ..Request::default() };
        publish(&mut all, request)?;
        Ok::<_, PublishError>(all.bookmark("a").map(<[u8]>::to_vec))
    };
    assert_eq!(left(1, Some(&[S]), b"line 1").unwrap().as_deref(), Some(&b"line 1"[..]));
    assert_eq!(left(1, Some(&[S]), b"another").unwrap().as_deref(), Some(&b"line 1"[..]), "a repeat leaves nothing");
    assert_eq!(left(0, None, b"nor this").unwrap().as_deref(), Some(&b"line 1"[..]));
    assert_eq!(left(2, Some(&[S]), &[7; MAX_BOOKMARK]).unwrap().as_deref(), Some(&[7; MAX_BOOKMARK][..]));
    let long = left(3, Some(&[S]), &[7; MAX_BOOKMARK + 1]);
    assert!(matches!(long, Err(PublishError::Bookmark { found: 65, limit: 64 })), "{long:?}");
}
