using System.Text.Json;

namespace Benchmarks;

/// <summary>The saved results: a file of data for each section, and a report of them all.</summary>
/// <param name="folder">Where they are.</param>
internal sealed class Saved(string folder)
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    private string Data => Path.Combine(folder, "data");

    public void Save(SectionResult result)
    {
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, result.Section + ".json"), JsonSerializer.Serialize(result, Readable).ReplaceLineEndings("\n") + "\n");
    }

    /// <summary>Writes the report of all that is saved.</summary>
    public void WriteReport()
    {
        var sections = Directory.EnumerateFiles(Data, "*.json")
            .Select(file => JsonSerializer.Deserialize<SectionResult>(File.ReadAllText(file))!)
            .ToDictionary(section => section.Section);
        File.WriteAllText(Path.Combine(folder, "results.md"), Report.Write(sections));
        Draw("commands.svg", Report.DrawCommands(sections));
        Draw("profile.svg", Report.DrawProfile(sections));
    }

    private void Draw(string name, string? picture)
    {
        if (picture is not null)
        {
            File.WriteAllText(Path.Combine(folder, name), picture);
        }
    }
}
