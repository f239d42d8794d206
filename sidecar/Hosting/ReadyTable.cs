using System.Globalization;

namespace Sidecar.Hosting;

/// <summary>What is printed when everything answers.</summary>
internal static class ReadyTable
{
    /// <summary>The variable of the run file's <c>env</c> that says in a few words what an app is for.</summary>
    public const string Description = "APP_DESCRIPTION";

    /// <summary>The lines of the table; <paramref name="processes"/> gives the process of each replica, null when there is none.</summary>
    public static IEnumerable<string> Lines(IEnumerable<Replica> replicas, Func<Replica, AppProcess?> processes)
    {
        string[] head = ["SERVICE", "ADDRESS", "DAPR HTTP", "DAPR GRPC", "PROCESS", "FOR"];
        var rows = replicas.Select(r => Row(r, processes(r))).Prepend(head).ToList();
        var widths = Enumerable.Range(0, head.Length).Select(i => rows.Max(r => r[i].Length)).ToList();
        return rows.Select(r => string.Join("  ", r.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
    }

    private static string[] Row(Replica replica, AppProcess? process) =>
    [
        replica.Label,
        replica.Address ?? "no port",
        replica.App.HttpPort.ToString(CultureInfo.InvariantCulture),
        replica.App.GrpcPort.ToString(CultureInfo.InvariantCulture),
        process is null ? "none" : process.Exited.IsCompleted ? "died" : process.Id.ToString(CultureInfo.InvariantCulture),
        replica.App.Environment.GetValueOrDefault(Description, ""),
    ];
}
