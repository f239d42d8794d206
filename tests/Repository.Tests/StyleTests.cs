using System.Text.RegularExpressions;

namespace Repository.Tests;

/// <summary>What files look like.</summary>
public partial class StyleTests
{
    private const string Golden = "golden/";

    [Fact]
    public void No_file_of_code_has_400_lines_or_more() =>
        Assert.DoesNotContain(Tracked.Ending(".cs"), file => Tracked.Lines(file).Length >= 400);

    [Fact]
    public void Programs_only_put_parts_together() =>
        Assert.DoesNotContain(Tracked.Ending("/Program.cs"), file => Tracked.Lines(file).Length > 25);

    [Fact]
    public void No_file_names_a_place_on_somebodys_machine()
    {
        var found = Texts().SelectMany(file => MachinePath().Matches(Tracked.Text(file)).Select(match => $"{file}: {match.Value}"));

        Assert.Empty(found);
    }

    [Fact]
    public void Nothing_is_put_off()
    {
        var found = Texts().Where(file => !file.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(file => Later().Matches(Tracked.Text(file)).Select(match => $"{file}: {match.Value}"));

        Assert.Empty(found);
    }

    [Fact]
    public void Lines_end_with_a_line_feed_and_files_with_a_line() =>
        Assert.DoesNotContain(Texts(), file => Tracked.Text(file) is { Length: > 0 } text && (text.Contains('\r', StringComparison.Ordinal) || text[^1] != '\n'));

    [Fact]
    public void The_code_may_be_used_by_the_MIT_licence() =>
        Assert.StartsWith("MIT License", Tracked.Text("LICENSE"), StringComparison.Ordinal);

    // Answers recorded on a real Dapr keep what they held.
    private static IEnumerable<string> Texts() => Tracked.Files.Where(file =>
        !file.Contains(Golden, StringComparison.Ordinal) && Path.GetExtension(file) is ".cs" or ".md" or ".yaml" or ".json" or ".http" or ".csproj" or ".props" or ".txt" or "" && !file.EndsWith("StyleTests.cs", StringComparison.Ordinal));

    [GeneratedRegex(@"/home/\w+|/root/|/Users/\w+|/work/\w+|[A-Z]:\\Users")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedException")]
    private static partial Regex Later();
}
