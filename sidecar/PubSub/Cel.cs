using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Sidecar.PubSub;

/// <summary>A CEL expression cannot be parsed, or fails on an event (an absent member, operands that do not fit).</summary>
internal sealed class CelException(string message) : Exception(message);

/// <summary>Evaluates a node on the variable <c>event</c>; a function, so that a parsed rule is just a closure.</summary>
internal delegate object? CelNode(JsonElement @event);

/// <summary>A rule of a subscription, ready to be tried.</summary>
internal sealed record Route(string Path, CelNode? Match)
{
    /// <summary>Whether the event goes here; a rule without an expression takes all.</summary>
    /// <exception cref="CelException">The expression fails on this event, which Dapr takes for a failed delivery.</exception>
    public bool Matches(JsonElement @event) =>
        Match is null
        || (Match(@event) is bool result ? result : throw new CelException("the result of the match expression was not a boolean"));

    /// <exception cref="CelException">The expression cannot be parsed.</exception>
    public static Route Parse(string match, string path) =>
        new(path, string.IsNullOrWhiteSpace(match) ? null : new CelParser(match).Parse());
}

/// <summary>
/// The meaning of CEL's operators and functions on JSON. Values are null, bool, long, double, string, a list of values, or a
/// JSON object; numbers of an event are doubles, and compare with whole numbers as in Dapr.
/// </summary>
internal static class Cel
{
    // CEL promises linear time for patterns; without backtracking .NET does too.
    private const RegexOptions Linear = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    public static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => element.GetDouble(),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Array => element.EnumerateArray().Select(Value).ToList(),
        _ => element,
    };

    public static object? Member(object? value, string name) =>
        value is JsonElement { ValueKind: JsonValueKind.Object } map && map.TryGetProperty(name, out var member)
            ? Value(member)
            : throw new CelException($"no such key: {name}");

    public static bool Has(object? value, string name) =>
        value is JsonElement { ValueKind: JsonValueKind.Object } map
            ? map.TryGetProperty(name, out _)
            : throw new CelException($"has() on something that has no member {name}");

    public static object? Index(object? value, object? index) => (value, index) switch
    {
        (JsonElement, string name) => Member(value, name),
        (List<object?> list, long or double) when Number(index) is var i && i >= 0 && i < list.Count && i == Math.Floor(i) => list[(int)i],
        _ => throw new CelException("no such index"),
    };

    public static bool Same(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (long or double, long or double) => Number(a) == Number(b),
        (string x, string y) => string.Equals(x, y, StringComparison.Ordinal),
        (bool x, bool y) => x == y,
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Same(p.First, p.Second)),
        (JsonElement x, JsonElement y) => JsonElement.DeepEquals(x, y),
        _ => false,
    };

    public static int Compare(object? a, object? b) => (a, b) switch
    {
        (long or double, long or double) => Number(a).CompareTo(Number(b)),
        (string x, string y) => string.CompareOrdinal(x, y),
        (bool x, bool y) => x.CompareTo(y),
        _ => throw NoOverload("comparison"),
    };

    public static bool In(object? item, object? where) => where switch
    {
        List<object?> list => list.Exists(i => Same(i, item)),
        JsonElement { ValueKind: JsonValueKind.Object } map => item is string name && map.TryGetProperty(name, out _),
        _ => throw NoOverload("in"),
    };

    public static object? Arithmetic(char op, object? a, object? b) => (op, a, b) switch
    {
        ('+', string x, string y) => x + y,
        ('+', List<object?> x, List<object?> y) => (List<object?>)[.. x, .. y],
        ('/' or '%', long, long y) when y == 0 => throw new CelException("divide by zero"),
        ('+', long x, long y) => x + y,
        ('-', long x, long y) => x - y,
        ('*', long x, long y) => x * y,
        ('/', long x, long y) => x / y,
        ('%', long x, long y) => x % y,
        ('+', double x, double y) => x + y,
        ('-', double x, double y) => x - y,
        ('*', double x, double y) => x * y,
        ('/', double x, double y) => x / y,
        _ => throw NoOverload(op.ToString()),
    };

    public static object? Negate(object? value) => value switch
    {
        long x => (object)-x,
        double x => -x,
        _ => throw NoOverload("-"),
    };

    public static bool Truth(object? value) => value is bool truth ? truth : throw NoOverload("a condition that is no bool");

    /// <summary>A function by name and number of arguments (the receiver of a method is the first); null when there is none.</summary>
    public static Func<object?[], object?>? Function(string name, int arguments) => (name, arguments) switch
    {
        ("startsWith", 2) => a => Text(a[0]).StartsWith(Text(a[1]), StringComparison.Ordinal),
        ("endsWith", 2) => a => Text(a[0]).EndsWith(Text(a[1]), StringComparison.Ordinal),
        ("contains", 2) => a => Text(a[0]).Contains(Text(a[1]), StringComparison.Ordinal),
        ("matches", 2) => a => IsMatch(Text(a[0]), Text(a[1])),
        ("size", 1) => a => Size(a[0]),
        ("int", 1) => a => Whole(a[0]),
        ("double", 1) => a => a[0] is string s ? Parsed(double.TryParse(s, CultureInfo.InvariantCulture, out var d), d) : Number(a[0]),
        ("string", 1) => a => a[0] switch
        {
            string s => s,
            bool b => b ? "true" : "false",
            long l => l.ToString(CultureInfo.InvariantCulture),
            double d => d.ToString("R", CultureInfo.InvariantCulture),
            _ => throw NoOverload("string"),
        },
        ("bool", 1) => a => a[0] switch
        {
            bool b => b,
            "true" or "True" or "TRUE" or "t" or "1" => true,
            "false" or "False" or "FALSE" or "f" or "0" => false,
            _ => throw NoOverload("bool"),
        },
        _ => null,
    };

    private static object? Whole(object? value) => value switch
    {
        long l => l,
        double d when Math.Abs(d) < 9e18 => (long)d,
        string s => Parsed(long.TryParse(s, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var l), l),
        _ => throw NoOverload("int"),
    };

    private static long Size(object? value) => value switch
    {
        string s => (long)s.EnumerateRunes().Count(),
        List<object?> list => (long)list.Count,
        JsonElement { ValueKind: JsonValueKind.Object } map => (long)map.EnumerateObject().Count(),
        _ => throw NoOverload("size"),
    };

    private static bool IsMatch(string text, string pattern)
    {
        try
        {
            return Regex.IsMatch(text, pattern, Linear);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new CelException($"bad pattern: {e.Message}");
        }
    }

    private static string Text(object? value) => value as string ?? throw NoOverload("a string function");

    private static double Number(object? value) => value switch
    {
        long l => l,
        double d => d,
        _ => throw NoOverload("a number"),
    };

    private static object? Parsed<T>(bool ok, T value) => ok ? value : throw new CelException("type conversion error");

    private static CelException NoOverload(string what) => new($"no such overload: {what}");
}
