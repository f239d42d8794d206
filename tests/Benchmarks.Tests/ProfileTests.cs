namespace Benchmarks.Tests;

public class ProfileTests
{
    [Theory]
    [InlineData("do_syscall_64", "[kernel.kallsyms]", "kernel")]
    [InlineData("sqlite3VdbeExec", "/x/libe_sqlite3.so", "SQLite")]
    [InlineData("instance void [EventLog] EventLog.Batch`3[System.__Canon]::Decide(!0)[OptimizedTier1]", "/tmp/perf-1.map", "our own code")]
    [InlineData("instance bool [System.Text.Json] System.Text.Json.Utf8JsonReader::Read()[OptimizedTier1]", "/tmp/perf-1.map", "JSON")]
    [InlineData("[unknown]", "/x/Microsoft.AspNetCore.Server.Kestrel.Core.dll", "web server")]
    [InlineData("[unknown]", "/x/libcoreclr.so", "runtime, collector")]
    public void A_sample_belongs_to_a_part(string symbol, string file, string part) => Assert.Equal(part, ProfileSection.PartOf(symbol, file));
}
