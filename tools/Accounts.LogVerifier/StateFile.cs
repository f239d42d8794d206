using System.Text.Json;
using System.Text.Json.Serialization;
using EventLog;

namespace Accounts.LogVerifier;

/// <summary>How far a log is verified, kept so that a verification that was stopped can go on.</summary>
internal sealed record StateFile(string LogId, IReadOnlyList<VerifiedPartition> Partitions)
{
    /// <summary>Reads the file, or begins anew where there is none.</summary>
    /// <exception cref="InvalidDataException">It is of another log, or no such file.</exception>
    public static StateFile Open(string? path, LogDescription log)
    {
        if (path is null || !File.Exists(path))
        {
            return new StateFile(log.Id, [.. Enumerable.Range(0, log.Partitions).Select(partition => new VerifiedPartition { Partition = partition })]);
        }

        try
        {
            using var file = File.OpenRead(path);
            var state = JsonSerializer.Deserialize(file, StateFileJson.Default.StateFile)!;
            return state.LogId == log.Id ? state : throw new InvalidDataException($"'{path}' is about the log {state.LogId}, and this is {log.Id}. Name another file.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is not what this program has written: {e.Message} Delete it to begin anew.", e);
        }
    }

    public void Save(string path)
    {
        var beside = path + ".new";
        using (var file = File.Create(beside))
        {
            JsonSerializer.Serialize(file, this, StateFileJson.Default.StateFile);
        }

        File.Move(beside, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PreferredObjectCreationHandling = JsonObjectCreationHandling.Populate)]
[JsonSerializable(typeof(StateFile))]
internal sealed partial class StateFileJson : JsonSerializerContext;
