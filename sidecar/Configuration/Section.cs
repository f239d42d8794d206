using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Configuration;

/// <summary>
/// A YAML mapping that is read key by key. A value of the wrong type becomes an error with its line and is then treated
/// as absent, so that reading goes on and finds the other errors too. Null values count as absent, as in Dapr.
/// </summary>
internal sealed class Section
{
    private static readonly string[] Yes = ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"];
    private static readonly string[] No = ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"];

    private readonly Dictionary<string, KeyValuePair<YamlNode, YamlNode>> _entries;
    private readonly HashSet<string> _read = [];
    private readonly YamlMappingNode _node;

    public Section(YamlMappingNode node, string file, string name, Findings findings)
    {
        _node = node;
        Findings = findings;
        File = file;
        Name = name;
        _entries = node.Children
            .Where(c => c.Key is YamlScalarNode { Value: not null })
            .ToDictionary(c => ((YamlScalarNode)c.Key).Value!);
    }

    public string File { get; }

    /// <summary>Where errors and warnings go.</summary>
    public Findings Findings { get; }

    /// <summary>What error messages call this section, for instance <c>app accounts-query</c>.</summary>
    public string Name { get; set; }

    /// <summary>Keys in the order of the file.</summary>
    public IEnumerable<string> Keys => _entries.Keys;

    /// <summary>Where the key stands, or where the section begins when it has no such key.</summary>
    public Place At(string key) => Place(_entries.TryGetValue(key, out var entry) ? entry.Key : _node);

    /// <summary>True when the key is there with a value that is not null.</summary>
    public bool Has(string key) => _entries.TryGetValue(key, out var entry) && !IsNull(entry.Value);

    public void Error(string key, string what, string remedy) => Findings.Error(At(key), Name, what, remedy);

    public void Warn(string key, string what) => Findings.Warn(At(key), Name, what);

    /// <summary>Any scalar, numbers and booleans included, as it is written.</summary>
    public string? Text(string key) => Take(key) switch
    {
        null => null,
        YamlScalarNode scalar => scalar.Value,
        var node => Wrong<string>(key, node, "a text"),
    };

    /// <summary>As <see cref="Text"/>; its absence, or an empty text, is an error.</summary>
    public string? RequiredText(string key, string remedy)
    {
        var text = Text(key);
        if (string.IsNullOrWhiteSpace(text) && (!Has(key) || text is not null))
        {
            Error(key, $"'{key}' is missing", remedy);
            return null;
        }

        return text;
    }

    public int? Number(string key, int least = int.MinValue, int most = int.MaxValue)
    {
        switch (Take(key))
        {
            case null:
                return null;
            case YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any } scalar
                when int.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                if (number >= least && number <= most)
                {
                    return number;
                }

                Error(key, $"'{key}' is {number}", number < least ? $"It must be at least {least}." : $"It must be at most {most}.");
                return null;
            case var node:
                Wrong<string>(key, node, "a whole number, without quotes");
                return null;
        }
    }

    public bool? Flag(string key)
    {
        switch (Take(key))
        {
            case null:
                return null;
            case YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any } scalar when Yes.Contains(scalar.Value):
                return true;
            case YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any } scalar when No.Contains(scalar.Value):
                return false;
            case var node:
                Wrong<string>(key, node, "true or false, without quotes");
                return null;
        }
    }

    /// <summary>A list of scalars; empty when absent.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        var node = Take(key);
        if (node is YamlSequenceNode list && list.All(n => n is YamlScalarNode))
        {
            return [.. list.Select(n => ((YamlScalarNode)n).Value ?? "")];
        }

        return node is null ? [] : Wrong<IReadOnlyList<string>>(key, node, "a list of texts") ?? [];
    }

    /// <summary>A mapping of scalars; empty when absent.</summary>
    public IReadOnlyDictionary<string, string> Map(string key)
    {
        if (Child(key) is not { } child)
        {
            return new Dictionary<string, string>();
        }

        return child.Keys
            .Select(k => (Key: k, Value: child.Has(k) ? child.Text(k) : ""))
            .Where(e => e.Value is not null)
            .ToDictionary(e => e.Key, e => e.Value!);
    }

    /// <summary>A mapping below the key.</summary>
    public Section? Child(string key) => Take(key) switch
    {
        null => null,
        YamlMappingNode mapping => new Section(mapping, File, Name, Findings),
        var node => Wrong<Section>(key, node, "a mapping"),
    };

    /// <summary>A list of mappings below the key; empty when absent.</summary>
    public IReadOnlyList<Section> Children(string key)
    {
        var node = Take(key);
        if (node is YamlSequenceNode list && list.All(n => n is YamlMappingNode))
        {
            return [.. list.Select(n => new Section((YamlMappingNode)n, File, Name, Findings))];
        }

        return node is null ? [] : Wrong<IReadOnlyList<Section>>(key, node, "a list of mappings") ?? [];
    }

    /// <summary>All mappings below the key, by name, for instance the policies of a resiliency file.</summary>
    public IEnumerable<(string Name, Section Section)> Named(string key) =>
        Child(key) is not { } child
            ? []
            : child.Keys.Select(k => (k, child.Child(k))).Where(e => e.Item2 is not null).Select(e => (e.k, e.Item2!));

    /// <summary>Keys that mean something to Dapr and nothing here.</summary>
    public void Accept(params IEnumerable<string> keys) => _read.UnionWith(keys);

    /// <summary>One warning for each key that nobody asked for.</summary>
    public void WarnOfUnread()
    {
        foreach (var key in Keys.Where(k => !_read.Contains(k)))
        {
            var meant = _read.FirstOrDefault(k => k.Equals(key, StringComparison.OrdinalIgnoreCase));
            Warn(key, $"'{key}' is not known and is ignored" + (meant is null ? "" : $" (is '{meant}' meant?)"));
        }
    }

    private YamlNode? Take(string key)
    {
        _read.Add(key);
        return _entries.TryGetValue(key, out var entry) && !IsNull(entry.Value) ? entry.Value : null;
    }

    private T? Wrong<T>(string key, YamlNode node, string wanted) where T : class
    {
        var found = node switch
        {
            YamlMappingNode => "a mapping",
            YamlSequenceNode => "a list",
            YamlScalarNode scalar => $"'{scalar.Value}'",
            _ => "something else",
        };
        Error(key, $"'{key}' is {found}", $"It must be {wanted}.");
        return null;
    }

    private Place Place(YamlNode node) => new(File, (int)node.Start.Line);

    private static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" };
}
