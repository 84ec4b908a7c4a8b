//! What several nodes cost: processor time per token and per message of one node, and of more, on one PostgreSQL and one Redis,
//! which run already, on this machine and for nobody else. `docs/benchmarks.md` says what that does and does not tell.
//!
//! Each client sends to one node and reads from the next, as behind a balancer: with more than one node every reply crosses
//! the shared journal.

use crate::arrivals::Load;
use crate::client::{self, Client};
use crate::fit::{self, Costs, Point};
use crate::machine::read;
use crate::process::{Program, TICK, free_address};
use crate::run::{self, Seen};
use crate::times::{self, median};
use crate::{scene, table};
use anyhow::Context;
use clap::Args;
use std::time::Duration;

/// Few enough that three nodes, both servers and the clients fit on two cores.
const TOKENS_PER_SECOND: f64 = 2_000.0;
const GAP: Duration = Duration::from_millis(50);
/// The lengths of replies that tell a token from a message.
const LENGTHS: [usize; 3] = [40, 160, 640];
/// The processes whose time is counted beside the nodes', by their names.
const SERVERS: [&str; 2] = ["postgres", "redis-server"];

#[derive(Args)]
pub struct Plan {
    /// How many nodes; more than once for several lines.
    #[arg(long, default_values_t = [1, 3])]
    nodes: Vec<usize>,

    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// An empty database of PostgreSQL that the run may fill.
    #[arg(long, env = "DATABASE_URL")]
    database_url: String,

    /// Without it the nodes have PostgreSQL alone.
    #[arg(long, env = "REDIS_URL")]
    redis_url: Option<String>,
}

/// The costs in one round: of the nodes, and of the servers.
struct Round {
    costs: [Costs; 3],
    first: Vec<crate::times::Times>,
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for nodes in &plan.nodes {
        let mut rounds = Vec::new();
        for round in 1..=plan.rounds {
            eprintln!("bench: {nodes} nodes, round {round} of {} ...", plan.rounds);
            rounds.push(measure(plan, *nodes).await?);
        }
        rows.push(row(*nodes, &rounds));
    }
    let head = [
        "nodes",
        "us a token: nodes",
        "PostgreSQL",
        "Redis",
        "ms a message: nodes",
        "PostgreSQL",
        "Redis",
        "first token p50",
    ];
    print!("{}", table::of(head.map(str::to_owned), rows.into_iter(), &[0, 1, 2, 3, 4, 5, 6, 7]));
    Ok(())
}

fn row(nodes: usize, rounds: &[Round]) -> [String; 8] {
    let token = |part: usize| median(rounds.iter().map(|round| round.costs[part].per_token));
    let message = |part: usize| median(rounds.iter().map(|round| round.costs[part].per_message / 1_000.0));
    let firsts: Vec<_> = rounds.iter().flat_map(|round| round.first.clone()).collect();
    let said = |value: Option<f64>, places: usize| value.map_or("-".into(), |value| format!("{value:.places$}"));
    let first = times::of_rounds(&firsts, 500);
    let [us, more, most] = [0, 1, 2].map(|part| said(token(part), 0));
    let [ms, more_ms, most_ms] = [0, 1, 2].map(|part| said(message(part), 2));
    [nodes.to_string(), us, more, most, ms, more_ms, most_ms, said(first, 1)]
}

async fn measure(plan: &Plan, nodes: usize) -> anyhow::Result<Round> {
    let mut points: [Vec<Point>; 3] = Default::default();
    let mut first = Vec::new();
    for pieces in LENGTHS {
        let (rate, fill, window) = (TOKENS_PER_SECOND / pieces as f64, Duration::from_secs(2), Duration::from_secs(5));
        let load = Load { rate, pieces, gap: GAP, fill, window };
        let (seen, servers) =
            on(plan, nodes, &load).await.with_context(|| format!("{nodes} nodes, {pieces} pieces"))?;
        let costs = [seen.usage.cpu, servers[0], servers[1]];
        for (points, cost) in points.iter_mut().zip(costs) {
            points.push(Point { tokens: seen.tokens, messages: seen.messages, cost: cost.as_secs_f64() * 1e6 });
        }
        first.push(seen.firsts);
    }
    let costs = points.map(|points| fit::split(&points));
    let [Some(nodes), Some(postgres), Some(redis)] = costs else {
        anyhow::bail!("the loads do not tell the costs apart")
    };
    Ok(Round { costs: [nodes, postgres, redis], first })
}

/// One load on new nodes, and what the servers used in its window.
async fn on(plan: &Plan, nodes: usize, load: &Load) -> anyhow::Result<(Seen, [Duration; 2])> {
    let upstream = scene::upstream().await?;
    let mut settings = vec![("DATABASE_URL", plan.database_url.as_str())];
    settings.extend(plan.redis_url.as_deref().map(|url| ("REDIS_URL", url)));
    let mut programs: Vec<Program> = Vec::new();
    for _ in 0..nodes {
        programs.push(scene::rivulet_at(free_address()?, "unused".as_ref(), upstream.address, &settings).await?);
    }
    let schedule = load.even();
    let addresses: Vec<_> = programs.iter().map(|program| program.address).collect();
    let clients: Vec<Client> =
        client::across(&addresses, schedule.clients).await.context("the clients could not connect")?;
    run::on(&upstream, &programs, clients, schedule, servers).await
}

/// The processor time of all processes of these servers so far, with that of their processes that have ended.
fn servers() -> anyhow::Result<[Duration; 2]> {
    let mut used = [Duration::ZERO; 2];
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else {
            continue;
        };
        // One that ends meanwhile has no file.
        let Ok(stat) = read(&format!("/proc/{process}/stat")) else { continue };
        let Some((head, rest)) = stat.rsplit_once(')') else { continue };
        let own = head.split_once('(').map_or("", |(_, name)| name);
        let Some(server) = SERVERS.iter().position(|server| *server == own) else { continue };
        let ticks: u32 = rest.split_whitespace().skip(11).take(4).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
        used[server] += TICK * ticks;
    }
    Ok(used)
}
