using System.Globalization;

namespace Sidecar.Hosting;

/// <summary>What is printed when everything answers.</summary>
internal static class ReadyTable
{
    /// <summary>The variable of the run file's <c>env</c> that says in a few words what an app is for.</summary>
    public const string Description = "APP_DESCRIPTION";

    /// <summary>The lines of the table, its head first.</summary>
    public static IEnumerable<string> Lines(IEnumerable<RunningReplica> running)
    {
        string[] head = ["SERVICE", "ADDRESS", "DAPR HTTP", "DAPR GRPC", "PROCESS", "FOR"];
        var rows = running.Select(r => Row(r.Replica, r.Process)).Prepend(head).ToList();
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
