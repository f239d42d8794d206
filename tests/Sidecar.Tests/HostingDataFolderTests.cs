using Sidecar.Configuration;
using Sidecar.Hosting;
using TestSupport;

namespace Sidecar.Tests;

public sealed class HostingDataFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Findings _findings = new();

    [Fact]
    public void Emptying_deletes_only_files_that_the_host_has_made()
    {
        using (var data = DataFolder.Open(_folder.Location, _findings)!)
        {
            _folder.Write("views.db", "somebody's");
            data.Own(["log.db", "views.db"], _findings);
            _folder.Write("log.db", "ours");
            _folder.Write("log.db-wal", "ours");
            _folder.Write("log.db.backup", "somebody's");
            data.Own(["log.db", "views.db", "later.db"], _findings);
            _folder.Write("later.db", "ours");
        }

        using (var data = DataFolder.Open(_folder.Location, _findings)!)
        {
            data.Empty(_findings);
            data.Own(["log.db"], _findings);
        }

        Assert.Empty(_findings.Errors);
        Assert.Equal([".files", ".lock", "log.db.backup", "views.db"], Directory.EnumerateFiles(_folder.Location).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_cannot_be_deleted_or_noted_is_a_finding_with_a_remedy()
    {
        using var data = DataFolder.Open(_folder.Location, _findings)!;
        data.Own(["log.db"], _findings);
        Directory.CreateDirectory(_folder.At("log.db"));
        data.Empty(_findings);
        File.Delete(_folder.At(".files"));
        Directory.CreateDirectory(_folder.At(".files"));
        data.Own(["log.db", "views.db"], _findings);

        Assert.Equal(2, _findings.Errors.Count);
        Assert.StartsWith($"{_folder.Location}: data folder: it cannot be emptied: ", _findings.Errors[0], StringComparison.Ordinal);
        Assert.StartsWith($"{_folder.Location}: data folder: it cannot be written: ", _findings.Errors[1], StringComparison.Ordinal);
        Assert.All(_findings.Errors, e => Assert.EndsWith(" or name another folder with --data DIR.", e, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a.db", "a.db")]
    [InlineData("below/a.db", "below/a.db")]
    [InlineData("file:a.db?cache=shared", "a.db")]
    [InlineData("/elsewhere/a.db", null)]
    [InlineData("../a.db", null)]
    [InlineData(":memory:", null)]
    [InlineData("file::memory:?cache=shared", null)]
    [InlineData("file:a.db?mode=memory", null)]
    [InlineData("a.db?cache=shared", "a.db")]
    [InlineData("mode=memory.db", "mode=memory.db")]
    public void Only_files_below_the_data_folder_are_the_hosts(string connectionString, string? file) =>
        Assert.Equal(file, SqliteFile.Of(new Component
        {
            Name = "s",
            Type = "state.sqlite",
            Version = "v1",
            File = "s.yaml",
            Metadata = new Dictionary<string, string> { ["connectionString"] = connectionString },
        }));

    public void Dispose() => _folder.Dispose();
}
