using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>
/// The folder that keeps what survives restarts, locked against other hosts while this object lives. It notes which files
/// the host makes there, so that <c>--fresh</c> never deletes anything else.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private const string LockName = ".lock";
    private const string ListName = ".files";
    private static readonly string[] Companions = ["", "-wal", "-shm", "-journal"];

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream locked)
    {
        Location = path;
        _lock = locked;
    }

    public string Location { get; }

    private string List => Path.Combine(Location, ListName);

    /// <summary>Makes the folder if need be and locks it. Null when that fails, which is then among the findings.</summary>
    public static DataFolder? Open(string path, Findings findings)
    {
        var file = Path.Combine(path, LockName);
        FileStream? locked = null;
        try
        {
            Directory.CreateDirectory(path);
            var known = File.Exists(file);
            try
            {
                locked = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (known && e.GetType() == typeof(IOException))
            {
                findings.Error(new Place(path, 0), "data folder", "another host uses it", "Stop that host, or give this one a folder of its own with --data DIR.");
                return null;
            }

            locked.SetLength(0);
            locked.WriteByte((byte)'\n');
            locked.Flush();
            return new DataFolder(path, locked);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            locked?.Dispose();
            Fail(findings, path, "it cannot be written", e);
            return null;
        }
    }

    /// <summary>Deletes what earlier runs noted with <see cref="Own"/>, and nothing else. What goes wrong is among the findings.</summary>
    public void Empty(Findings findings) => Change(findings, "it cannot be emptied", () =>
    {
        foreach (var name in Noted())
        {
            foreach (var companion in Companions)
            {
                var file = Path.Combine(Location, name + companion);
                if (File.Exists(file) || Directory.Exists(file))
                {
                    File.Delete(file);
                }
            }
        }

        File.Delete(List);
    });

    /// <summary>
    /// Notes files that are about to be made here, by their paths relative to the folder. One that is there already
    /// without having been noted is somebody else's, and stays so. What goes wrong is among the findings.
    /// </summary>
    public void Own(IEnumerable<string> names, Findings findings) => Change(findings, "it cannot be written", () =>
    {
        var noted = Noted();
        var added = names.Where(n => !noted.Contains(n) && !File.Exists(Path.Combine(Location, n))).Distinct().ToList();
        if (added.Count > 0)
        {
            File.AppendAllLines(List, added);
        }
    });

    private void Change(Findings findings, string failure, Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(findings, Location, failure, e);
        }
    }

    private static void Fail(Findings findings, string path, string failure, Exception e) => findings.Error(
        new Place(path, 0), "data folder", $"{failure}: {e.Message.TrimEnd('.')}",
        "Correct its permissions, make room, or name another folder with --data DIR.");

    private HashSet<string> Noted() => File.Exists(List) ? [.. File.ReadAllLines(List).Where(l => l.Length > 0)] : [];

    public void Dispose() => _lock.Dispose();
}
