//! Closed forms, with a service as the unit of time.

/// Erlang's B: the share of M/M/c/c that is refused, by its recursion.
pub(crate) fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

/// Erlang's C: the share of M/M/c that waits.
pub(crate) fn erlang_c(servers: u32, load: f64) -> f64 {
    let blocked = erlang_b(servers, load);
    let rho = load / f64::from(servers);
    blocked / (1.0 - rho * (1.0 - blocked))
}

/// P(T > t) in M/M/c: the service and, for those who wait, an exponential wait of rate c (1 - rho).
fn mmc_tail(servers: u32, rho: f64, t: f64) -> f64 {
    let c = erlang_c(servers, rho * f64::from(servers));
    let rate = f64::from(servers) * (1.0 - rho);
    let both = if (rate - 1.0).abs() < 1e-9 {
        (1.0 + t) * (-t).exp()
    } else {
        (rate * (-t).exp() - (-rate * t).exp()) / (rate - 1.0)
    };
    (1.0 - c) * (-t).exp() + c * both
}

/// A quantile of the sojourn in M/M/c.
pub(crate) fn mmc_quantile(servers: u32, rho: f64, share: f64) -> f64 {
    solve(|t| 1.0 - mmc_tail(servers, rho, t), share)
}

/// A quantile of the sum of four exponential times of this mean.
pub(crate) fn erlang_4_quantile(mean: f64, share: f64) -> f64 {
    let cdf = |t: f64| {
        let x = t / mean;
        1.0 - (-x).exp() * (1.0 + x + x * x / 2.0 + x.powi(3) / 6.0)
    };
    solve(cdf, share)
}

/// Where a function that rises from 0 to 1 over the positive numbers is this.
fn solve(rises: impl Fn(f64) -> f64, share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while rises(high) < share {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if rises(middle) < share { low = middle } else { high = middle }
    }
    low
}

/// M/M/c/K: the share that is refused, and the mean sojourn of the others.
pub(crate) fn mmck(servers: u32, places: u32, load: f64) -> (f64, f64) {
    let mut weights = vec![1.0];
    for n in 1..=places {
        weights.push(weights[n as usize - 1] * load / f64::from(n.min(servers)));
    }
    let total: f64 = weights.iter().sum();
    let refused = weights[places as usize] / total;
    let inside: f64 = (0..).zip(&weights).map(|(n, weight)| f64::from(n) * weight / total).sum();
    (refused, inside / (load * (1.0 - refused)))
}

/// M/M/1//N by mean value analysis: the mean response, and how busy the server is.
pub(crate) fn closed(users: u32, think: f64) -> (f64, f64) {
    let (mut length, mut response, mut rate) = (0.0, 0.0, 0.0);
    for n in 1..=users {
        response = 1.0 + length;
        rate = f64::from(n) / (response + think);
        length = rate * response;
    }
    (response, rate)
}

/// Attempts at the leaf per call, and the share of calls that fail, with `layers` of callers that
/// each make up to `attempts` of which a share fails.
pub(crate) fn layered(attempts: i32, layers: u32, failing: f64) -> (f64, f64) {
    let (mut load, mut failing) = (1.0, failing);
    for _ in 0..layers {
        load *= if failing < 1.0 {
            (1.0 - failing.powi(attempts)) / (1.0 - failing)
        } else {
            f64::from(attempts)
        };
        failing = failing.powi(attempts);
    }
    (load, failing)
}

/// Attempts per call where a server accepts a rate of 1 and calls come at a rate of `offered`, each
/// tried up to `attempts` times: as many succeed as are accepted, 1 / offered = 1 - (1 - p)^N.
pub(crate) fn overloaded(offered: f64, attempts: f64) -> f64 {
    let accepted = 1.0 - (1.0 - 1.0 / offered).powf(1.0 / attempts);
    1.0 / (offered * accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn all(is: impl IntoIterator<Item = f64>, should: &[f64], within: f64) {
        let is: Vec<f64> = is.into_iter().collect();
        assert_eq!(is.len(), should.len());
        for (is, should) in is.iter().zip(should) {
            assert!((is - should).abs() <= within, "{is} is not {should}");
        }
    }

    /// Figures worked out elsewhere.
    #[test]
    fn the_formulas_are_right() {
        let servers = [1, 2, 4, 5, 8, 10, 16, 50, 100];
        let waits = [0.8, 0.7111, 0.5964, 0.5541, 0.4576, 0.4092, 0.3049, 0.0870, 0.0197];
        all(servers.map(|c| erlang_c(c, 0.8 * f64::from(c))), &waits, 6e-5);
        let p99 = [23.03, 11.94, 6.893, 6.080, 5.152, 4.946, 4.735, 4.615, 4.606];
        all(servers.map(|c| mmc_quantile(c, 0.8, 0.99)), &p99, 5e-3);
        let losses = [0.1991, 0.1217, 0.2146, 0.0541, 0.0270];
        let sizes = [(5, 4.0), (10, 8.0), (10, 10.0), (50, 45.0), (100, 90.0)];
        all(sizes.map(|(c, a)| erlang_b(c, a)), &losses, 5e-5);
        let quantiles = [18.36, 33.40, 38.77, 50.23, 65.31];
        all([0.5, 0.9, 0.95, 0.99, 0.999].map(|q| erlang_4_quantile(5.0, q)), &quantiles, 6e-3);
        all([closed(10, 11.45).0, closed(10, 11.45).1], &[2.4196, 0.7210], 1e-4);
        all([mmck(1, 10, 2.0).0, mmck(1, 5, 0.8).0], &[0.5002, 0.0888], 5e-5);
        let layers = [layered(4, 3, 0.5), layered(4, 3, 0.9), layered(3, 3, 0.9), layered(3, 5, 0.9)];
        all(layers.map(|(load, _)| load), &[2.0, 9.99, 9.42, 10.0], 6e-3);
        all([2.0, 3.0, 4.0, 10.0].map(|n| overloaded(1.01, n)), &[1.100, 1.261, 1.446, 2.678], 5e-4);
        all([2.0, 3.0, 4.0, 10.0].map(|n| overloaded(5.0, n)), &[1.894, 2.790, 3.686, 9.063], 5e-4);
    }
}
