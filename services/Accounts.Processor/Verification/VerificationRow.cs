using System.ComponentModel.DataAnnotations;
using Accounts.Contracts;

namespace Accounts.Processor.Verification;

/// <summary>A verification of a view: what was asked, and how far it is. Also what operators see of it.</summary>
internal sealed record VerificationRow
{
    /// <summary>Names it.</summary>
    public required string Id { get; init; }

    /// <summary>The generation whose rows are compared.</summary>
    public required string Generation { get; init; }

    /// <summary>Whether what is wrong is put right.</summary>
    public required bool Heal { get; init; }

    /// <summary>When it was asked for, in epoch milliseconds.</summary>
    public required long Begun { get; init; }

    /// <summary>How it stands.</summary>
    [AllowedValues("waiting", "running", "done", "failed")]
    public required string State { get; init; }

    /// <summary>The replica that does it.</summary>
    public string? Replica { get; init; }

    /// <summary>Grows as long as that replica is alive.</summary>
    public long Beat { get; init; }

    /// <summary>How often it was begun: anew by another replica when one has fallen silent, or when it broke off.</summary>
    public int Attempts { get; init; }

    /// <summary>Why it was given up, when it has failed.</summary>
    public string? Cause { get; init; }

    /// <summary>How many events were folded; an event is folded once, whichever of its rows are compared.</summary>
    public long EventsDone { get; init; }

    /// <summary>Of how many.</summary>
    public long EventsOf { get; init; }

    /// <summary>Events a second.</summary>
    public double? EventsPerSecond { get; init; }

    /// <summary>How long it will take yet.</summary>
    public double? SecondsLeft { get; init; }

    /// <summary>How many rows were compared.</summary>
    public long Rows { get; init; }

    /// <summary>How many were wrong or missing.</summary>
    public long Broken { get; init; }

    /// <summary>How many of them are right again.</summary>
    public long Healed { get; init; }

    /// <summary>How many changed so often, or wait so long for the function, that nothing can be said of them.</summary>
    public long Unsettled { get; init; }

    /// <summary>Keys of broken rows, the first hundred.</summary>
    public IReadOnlyList<string> BrokenRows { get; init; } = [];

    /// <summary>When it was done or given up, in epoch milliseconds.</summary>
    public long? Ended { get; init; }

    public static string Key(string logId, string function) => RowKeys.Row(new ViewPointer(logId, "1"), "verification", function);
}
