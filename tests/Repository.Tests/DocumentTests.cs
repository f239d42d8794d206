using System.Text.RegularExpressions;

namespace Repository.Tests;

/// <summary>What documents say is there is there.</summary>
public partial class DocumentTests
{
    private const string Guarantees = "docs/guarantees.md";
    private const string Decisions = "docs/decisions/";

    public static TheoryData<string> Documents => [.. Tracked.Ending(".md")];

    [Fact]
    public void The_README_can_be_read_in_one_go() => Assert.InRange(Tracked.Lines("README.md").Length, 30, 150);

    [Fact]
    public void Two_commands_are_all_that_a_newcomer_needs_and_the_second_is_what_is_run_before_a_merge()
    {
        var commands = ShellBlock().Matches(Tracked.Text("README.md")).Select(match => match.Groups[1].Value).Where(command => !command.StartsWith("curl ", StringComparison.Ordinal));

        Assert.Equal(["dotnet run --project sidecar", "dotnet test"], commands);
        Assert.Matches(@"\bdotnet test 2>&1", Tracked.Text(".ci/run"));
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_lead_somewhere(string document)
    {
        var folder = Path.GetDirectoryName(Tracked.Absolute(document))!;
        var broken = Link().Matches(Tracked.Text(document))
            .Select(match => match.Groups[1].Value.Split('#')[0])
            .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(folder, target)));

        Assert.Empty(broken);
    }

    [Fact]
    public void Files_that_the_README_names_are_there()
    {
        var named = CodeWord().Matches(Tracked.Text("README.md")).Select(match => match.Groups[1].Value)
            .Where(word => word.Contains('/', StringComparison.Ordinal) && Tracked.Files.Any(file => file.StartsWith(word.Split('/')[0] + "/", StringComparison.Ordinal)));

        Assert.DoesNotContain(named, path => !Path.Exists(Tracked.Absolute(path)));
    }

    [Theory]
    [InlineData(Guarantees)]
    [InlineData("docs/promises.md")]
    public void Tests_that_a_document_names_are_there(string document)
    {
        var named = TestName().Matches(Tracked.Text(document)).Select(match => (Class: match.Groups[1].Value, Method: match.Groups[2].Value)).ToList();
        var sources = Tracked.Ending(".cs").Where(file => file.StartsWith("tests/", StringComparison.Ordinal)).Select(Tracked.Text).ToList();
        var missing = named.Where(name => !sources.Exists(source =>
            Regex.IsMatch(source, $@"class {name.Class}\b") && Regex.IsMatch(source, $@"\[(Fact|Theory)\b[\s\S]* {name.Method}\(")));

        Assert.NotEmpty(named);
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_guarantee_is_defended_by_a_test()
    {
        var guarantees = Tracked.Lines(Guarantees).Where(line => line.StartsWith('|') && char.IsDigit(line.ElementAtOrDefault(2))).ToList();

        Assert.Equal(["1", "2", "3", "4"], guarantees.Select(row => row[2].ToString()).Distinct());
        Assert.DoesNotContain(guarantees, row => !TestName().IsMatch(row));
    }

    [Fact]
    public void Every_decision_is_short_numbered_and_listed()
    {
        var decisions = Tracked.Ending(".md").Where(file => file.StartsWith(Decisions, StringComparison.Ordinal) && !file.EndsWith("README.md", StringComparison.Ordinal)).ToList();
        var index = Tracked.Text(Decisions + "README.md");

        Assert.NotEmpty(decisions);
        Assert.All(decisions, file => Assert.InRange(Tracked.Lines(file).Length, 5, 60));
        Assert.All(decisions, file => Assert.Contains($"({Path.GetFileName(file)})", index, StringComparison.Ordinal));
        Assert.Equal(
            Enumerable.Range(1, decisions.Count).Select(number => number.ToString("0000", System.Globalization.CultureInfo.InvariantCulture)),
            decisions.Select(file => Path.GetFileName(file)[..4]));
    }

    /// <summary>Settings of the container (<c>ASPNETCORE_URLS</c>) are read by the framework, and those that the service sets itself are none.</summary>
    [Fact]
    public void Every_setting_that_is_read_is_documented_and_no_other()
    {
        string[] ofItsOwn = ["Store", "PubSub", "Topic", "ActorType", "Meter"];
        string[] ofTheFramework = ["ASPNETCORE_URLS"];
        var sources = Tracked.Ending(".cs").Where(file => file.StartsWith("services/", StringComparison.Ordinal) || file.StartsWith("libraries/", StringComparison.Ordinal)).Select(Tracked.Text).ToList();
        var read = sources.SelectMany(source => ReadSetting().Matches(source)).Select(match => match.Groups.Values.Skip(1).First(group => group.Success).Value)
            .Concat(Options("libraries/EventLog/LogOptions.cs").Except(ofItsOwn).Select(name => "EventLog:" + name))
            .Concat(Options("libraries/EventLog/Storage/StoreUse.cs").Select(name => "State:" + name));
        var documented = Tracked.Lines("docs/settings.md").Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(line => SettingName().Matches(line.Split('|')[1])).Select(match => match.Groups[1].Value);

        Assert.Equal(
            read.Select(name => name.Replace(":", "__", StringComparison.Ordinal)).Concat(ofTheFramework).Distinct().Order(StringComparer.Ordinal),
            documented.Order(StringComparer.Ordinal));

        static IEnumerable<string> Options(string file) => OptionName().Matches(Tracked.Text(file)).Select(match => match.Groups[1].Value);
    }

    [GeneratedRegex(@"[cC]onfiguration(?:\[|\.GetValue\()""([\w:]+)""|const string Setting = ""(\w+)""|Names\(configuration, ""(\w+)""\)")]
    private static partial Regex ReadSetting();

    [GeneratedRegex(@"public \w+ (\w+)\s*\{\s*get;")]
    private static partial Regex OptionName();

    [GeneratedRegex("`(\\w+)`")]
    private static partial Regex SettingName();

    [GeneratedRegex("^```sh\n(.*)\n```$", RegexOptions.Multiline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`([A-Za-z.]+/[A-Za-z0-9./_-]*)`")]
    private static partial Regex CodeWord();

    [GeneratedRegex(@"`([A-Z]\w+Tests)\.(\w+)`")]
    private static partial Regex TestName();
}
