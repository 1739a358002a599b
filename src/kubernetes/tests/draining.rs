//! Drains: what goes, what is held, what can never go.

use super::hosts::refusal;
use super::world::{Shared, budget, listening, pod, tunnelled, world};
use crate::kubernetes::{Cluster, DrainError, DrainOptions, OnTimeout, cordon, drain, plan_drain};
use serde_json::{Value, json};
use std::time::Duration;

fn quick() -> DrainOptions {
    DrainOptions {
        timeout: Some(Duration::from_mins(1)),
        detach_timeout: Duration::ZERO,
        ..DrainOptions::default()
    }
}

fn held() -> (u16, Value) {
    refusal(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        &json!({"name": "web-1", "causes": [{"reason": "DisruptionBudget",
            "message": "The disruption budget web needs 1 healthy pods and has 1 currently"}]}),
    )
}

async fn cordoned(world: &Shared) -> (super::api::Api, Cluster) {
    let (api, cluster) = tunnelled(world).await;
    cordon(&cluster, "n1", "run-1", false).await.unwrap();
    (api, cluster)
}

#[tokio::test]
async fn a_held_pod_is_explained_and_goes_in_the_end() {
    let world = world();
    {
        let mut world = world.lock().unwrap();
        world.pods = vec![pod("web-1", "web", "True"), pod("web-2", "web", "False")];
        world.budgets = vec![budget("web", "web"), budget("db", "db")];
        world.refusals.insert("web-1".to_owned(), [held()].into());
        world.volumes = vec![json!({"metadata": {"name": "va"}, "spec": {
            "nodeName": "n1", "attacher": "csi", "source": {"persistentVolumeName": "pv-7"}}})];
    }
    let (_api, cluster) = cordoned(&world).await;
    let (progress, lines) = listening();
    let options = DrainOptions {
        grace_period: Some(7),
        ..quick()
    };
    let done = drain(&cluster, "n1", &options, &progress).await.unwrap();
    let names: Vec<_> = done.evicted.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["default/web-1", "default/web-2"]);
    assert_eq!(done.attached, ["pv-7"]);
    let world = world.lock().unwrap();
    assert_eq!(world.evictions(), 3);
    let graces = world.writes.iter().filter(|(method, ..)| method == "POST");
    assert!(
        graces
            .into_iter()
            .all(|(.., body)| body["deleteOptions"]["gracePeriodSeconds"] == 7)
    );
    let lines = lines.lock().unwrap();
    let line = lines
        .iter()
        .find(|line| line.starts_with("default/web-1 is held"))
        .unwrap();
    assert!(
        line.starts_with(
            "default/web-1 is held: The disruption budget web needs 1 healthy pods and has 1 currently \
             (1 of 2 healthy, 1 needed, 0 disruptions allowed)"
        ),
        "{line}"
    );
}

#[tokio::test]
async fn what_is_not_allowed_blocks_before_the_first_eviction() {
    let world = world();
    let mut bare = pod("bare", "x", "True");
    bare["metadata"]["ownerReferences"] = json!([]);
    let mut mirror = pod("static", "x", "True");
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "h"});
    world.lock().unwrap().pods = vec![pod("web-1", "web", "True"), bare, mirror];
    let (_api, cluster) = cordoned(&world).await;
    let (progress, _) = listening();
    let options = DrainOptions {
        force: false,
        ..quick()
    };
    let error = drain(&cluster, "n1", &options, &progress)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "node n1 is not drained, and no pod was evicted: default/bare: nothing would make it anew elsewhere (drain_force allows it)"
    );
    assert_eq!(world.lock().unwrap().evictions(), 0);
    let plan = plan_drain(&cluster, "n1", &quick()).await.unwrap();
    assert_eq!(
        (plan.evict.len(), plan.skip.len(), plan.blocked.len()),
        (2, 1, 0)
    );
    assert_eq!(world.lock().unwrap().evictions(), 0);
}

#[tokio::test]
async fn two_budgets_fail_at_once_with_their_names() {
    let world = world();
    {
        let mut world = world.lock().unwrap();
        world.pods = vec![pod("web-1", "web", "True")];
        world.budgets = vec![
            budget("one", "web"),
            budget("two", "web"),
            budget("db", "db"),
        ];
        let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        world.refusals.insert(
            "web-1".to_owned(),
            [refusal(500, "", message, &Value::Null)].into(),
        );
    }
    let (_api, cluster) = cordoned(&world).await;
    let (progress, _) = listening();
    let error = drain(&cluster, "n1", &quick(), &progress)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "pod default/web-1 cannot be evicted: more than one disruption budget covers it (one, two), which eviction does not support"
    );
    assert_eq!(world.lock().unwrap().evictions(), 1);
}

#[tokio::test]
async fn when_time_is_over_the_rest_is_named_with_what_holds_it() {
    let world = world();
    {
        let mut world = world.lock().unwrap();
        world.pods = vec![pod("web-1", "web", "True"), pod("web-2", "web", "True")];
        let refusals = std::iter::repeat_with(held).take(9).collect();
        world.refusals.insert("web-1".to_owned(), refusals);
    }
    let (_api, cluster) = cordoned(&world).await;
    let (progress, _) = listening();
    let options = DrainOptions {
        timeout: Some(Duration::from_secs(1)),
        ..quick()
    };
    let error = drain(&cluster, "n1", &options, &progress)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "node n1 is not drained after 1 s; still there: default/web-1: \
         The disruption budget web needs 1 healthy pods and has 1 currently"
    );
}

#[tokio::test]
async fn a_node_that_takes_pods_is_not_drained() {
    let world = world();
    world.lock().unwrap().pods = vec![pod("web-1", "web", "True")];
    let (_api, cluster) = tunnelled(&world).await;
    let (progress, _) = listening();
    let error = drain(&cluster, "n1", &quick(), &progress)
        .await
        .unwrap_err();
    assert!(matches!(error, DrainError::NotCordoned(_)), "{error}");
    assert!(world.lock().unwrap().writes.is_empty());
}

fn options_that(on_timeout: OnTimeout) -> DrainOptions {
    DrainOptions {
        timeout: Some(Duration::from_secs(1)),
        on_timeout,
        delete_namespaces: vec!["default".to_owned()],
        ..quick()
    }
}

/// A pod that its budget never lets go, unready or ready.
fn held_for_ever(ready: &str) -> Shared {
    let world = world();
    {
        let mut world = world.lock().unwrap();
        world.pods = vec![pod("web-1", "web", ready)];
        world.budgets = vec![budget("web", "web")];
        let refusals = std::iter::repeat_with(held).take(99).collect();
        world.refusals.insert("web-1".to_owned(), refusals);
    }
    world
}

#[tokio::test]
async fn pods_are_deleted_past_their_budgets_only_where_that_is_allowed() {
    let cases = [
        ("True", options_that(OnTimeout::Delete), Ok(())),
        ("False", options_that(OnTimeout::DeleteUnready), Ok(())),
        (
            "True",
            options_that(OnTimeout::DeleteUnready),
            Err("default/web-1 is ready, so it is not deleted"),
        ),
        (
            "True",
            DrainOptions {
                delete_namespaces: vec!["other".to_owned()],
                ..options_that(OnTimeout::Delete)
            },
            Err("default/web-1 is not deleted, since default is not in drain_delete_namespaces"),
        ),
    ];
    for (ready, options, expected) in cases {
        let world = held_for_ever(ready);
        let (_api, cluster) = cordoned(&world).await;
        let (progress, lines) = listening();
        let result = drain(&cluster, "n1", &options, &progress).await;
        match (result, expected) {
            (Ok(done), Ok(())) => {
                assert_eq!(done.deleted.len(), 1);
                assert_eq!(done.deleted[0].1, ["web"]);
                let told = "deleting default/web-1 without an eviction: past disruption budget web";
                assert!(lines.lock().unwrap().iter().any(|line| line == told));
                assert!(world.lock().unwrap().pods.is_empty());
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().ends_with(expected), "{error}");
                assert!(error.may_pass() && error.is_timeout());
                assert_eq!(world.lock().unwrap().pods.len(), 1);
            }
            (result, expected) => panic!("{result:?} and not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn without_eviction_pods_are_deleted_at_once() {
    let world = held_for_ever("True");
    let (_api, cluster) = cordoned(&world).await;
    let (progress, _) = listening();
    let options = DrainOptions {
        disable_eviction: true,
        ..quick()
    };
    let done = drain(&cluster, "n1", &options, &progress).await.unwrap();
    assert_eq!(done.deleted.len(), 1);
    assert_eq!(world.lock().unwrap().evictions(), 0);
}

#[tokio::test]
async fn a_pod_has_a_time_of_its_own() {
    let world = held_for_ever("True");
    let (_api, cluster) = cordoned(&world).await;
    let (progress, _) = listening();
    let options = DrainOptions {
        pod_timeout: Some(Duration::from_millis(300)),
        ..quick()
    };
    let error = drain(&cluster, "n1", &options, &progress)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("pod default/web-1 is still there after 0 s: The disruption budget web"),
        "{text}"
    );
    assert!(error.is_timeout());
}

#[tokio::test]
async fn a_node_that_is_not_ready_is_not_drained() {
    let world = world();
    {
        let mut world = world.lock().unwrap();
        world.pods = vec![pod("web-1", "web", "True")];
        world.node["status"]["conditions"][0]["status"] = json!("Unknown");
    }
    let (_api, cluster) = cordoned(&world).await;
    let (progress, _) = listening();
    let error = drain(&cluster, "n1", &quick(), &progress)
        .await
        .unwrap_err();
    assert!(matches!(error, DrainError::NotReady { .. }), "{error}");
    assert!(error.may_pass());
    let options = DrainOptions {
        allow_not_ready: true,
        ..quick()
    };
    let done = drain(&cluster, "n1", &options, &progress).await.unwrap();
    assert!(done.given_up.is_some() && done.evicted.is_empty());
    assert_eq!(world.lock().unwrap().evictions(), 0);
}

#[tokio::test]
async fn a_replacement_is_waited_for_elsewhere() {
    let world = world();
    world.lock().unwrap().pods = vec![pod("web-1", "web", "True")];
    let (_api, cluster) = cordoned(&world).await;
    let (progress, lines) = listening();
    let options = DrainOptions {
        wait_for_replacement: true,
        ..quick()
    };
    let replacement = async {
        while world.lock().unwrap().evictions() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut other = pod("web-2", "web", "True");
        other["spec"]["nodeName"] = json!("n2");
        world.lock().unwrap().pods.push(other);
    };
    let (done, ()) = tokio::join!(drain(&cluster, "n1", &options, &progress), replacement);
    assert_eq!(done.unwrap().evicted.len(), 1);
    let lines = lines.lock().unwrap();
    assert_eq!(lines.last().unwrap(), "default/web-1 is gone (1 of 1)");
}
