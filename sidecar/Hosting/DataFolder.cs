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
            findings.Error(new Place(path, 0), "data folder", $"it cannot be written: {e.Message.TrimEnd('.')}", "Correct its permissions, or name another folder with --data DIR.");
            return null;
        }
    }

    /// <summary>Deletes what earlier runs noted with <see cref="Own"/>, and nothing else.</summary>
    public void Empty()
    {
        foreach (var name in Noted())
        {
            foreach (var companion in Companions)
            {
                File.Delete(Path.Combine(Location, name + companion));
            }
        }

        File.Delete(List);
    }

    /// <summary>
    /// Notes files that are about to be made here, by their paths relative to the folder. One that is there already
    /// without having been noted is somebody else's, and stays so.
    /// </summary>
    public void Own(IEnumerable<string> names)
    {
        var noted = Noted();
        var added = names.Where(n => !noted.Contains(n) && !File.Exists(Path.Combine(Location, n))).Distinct().ToList();
        if (added.Count > 0)
        {
            File.AppendAllLines(List, added);
        }
    }

    private HashSet<string> Noted() => File.Exists(List) ? [.. File.ReadAllLines(List).Where(l => l.Length > 0)] : [];

    public void Dispose() => _lock.Dispose();
}
