using System.Collections.Concurrent;

namespace TestSupport;

/// <summary>A folder of its own for a test, deleted with everything in it at the end.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private static readonly ConcurrentDictionary<TemporaryFolder, bool> Living = new();

    // A test run that is stopped half-way disposes nothing.
    static TemporaryFolder() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var folder in Living.Keys)
        {
            folder.Dispose();
        }
    };

    public TemporaryFolder() => Living[this] = true;

    /// <summary>The absolute path.</summary>
    public string Location { get; } = Directory.CreateTempSubdirectory("accounts-test-").FullName;

    /// <summary>The absolute path of something in the folder.</summary>
    public string At(params string[] names) => Path.Combine([Location, .. names]);

    /// <summary>Writes a file, folders included, and returns its absolute path.</summary>
    public string Write(string name, string text)
    {
        var path = At(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose()
    {
        Living.TryRemove(this, out _);
        for (var attempt = 1; Directory.Exists(Location); attempt++)
        {
            try
            {
                Directory.Delete(Location, recursive: true);
            }
            catch (IOException) when (attempt < 5)
            {
                // A process that is just ending wrote one more file.
            }
        }
    }
}
