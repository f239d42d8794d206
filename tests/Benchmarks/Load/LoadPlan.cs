namespace Benchmarks;

/// <summary>What the clients ask for.</summary>
internal enum Workload
{
    /// <summary>Each request opens a new account.</summary>
    New,

    /// <summary>All change one account, each with a key of its own, so that every answer is recorded.</summary>
    Hot,

    /// <summary>Each client leads one account after the other through its life, with an event for each request.</summary>
    Mixed,

    /// <summary>Each request reads one of the addresses, in turn.</summary>
    Read,
}

/// <summary>One run of the load generator, as it is given to its process.</summary>
internal sealed record LoadPlan
{
    /// <summary>The servers; connections are spread over them.</summary>
    public required IReadOnlyList<Uri> Servers { get; init; }

    public required Workload Workload { get; init; }

    public required int Connections { get; init; }

    /// <summary>How long is measured.</summary>
    public required double Seconds { get; init; }

    /// <summary>How long the same load runs before that, unmeasured.</summary>
    public double WarmUpSeconds { get; init; } = 1;

    /// <summary>Requests a second; 0: each connection sends the next as soon as it has its answer.</summary>
    public double Rate { get; init; }

    /// <summary>More than 0: so many requests are sent, and nothing is measured.</summary>
    public int Requests { get; init; }

    /// <summary>What the numbers of accounts begin with; no two runs on one system may have the same.</summary>
    public string Prefix { get; init; } = "B";

    /// <summary>The first of the users of <see cref="Workload.Mixed"/>, each of which has one account.</summary>
    public long FirstUser { get; init; }

    /// <summary>Where the acknowledged events are appended, as the log verifier reads them; null: nowhere.</summary>
    public string? AcknowledgedFile { get; init; }

    /// <summary>What <see cref="Workload.Read"/> reads.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Where accounts are read. When given, it is measured how long after an answer its account is seen there.</summary>
    public Uri? Views { get; init; }
}

/// <summary>What a run of the load generator measured.</summary>
internal sealed record LoadResult
{
    /// <summary>Requests a second that were answered with 2xx.</summary>
    public required double PerSecond { get; init; }

    public required long Answered { get; init; }

    /// <summary>Answers that were not 2xx, connections that broke, and answers that never came.</summary>
    public required IReadOnlyDictionary<string, long> Failed { get; init; }

    /// <summary>Milliseconds.</summary>
    public required double P50 { get; init; }

    public required double P95 { get; init; }

    public required double P99 { get; init; }

    /// <summary>Milliseconds from an answer until the view showed it; null when it was not asked for.</summary>
    public LagResult? Lag { get; init; }
}

/// <summary>Times from an answer to the view, in milliseconds.</summary>
internal sealed record LagResult(long Samples, double P50, double P95, double P99);
