using System.Globalization;
using System.Text;

namespace EventLog;

/// <summary>
/// The keys of the log. They use only <c>A-Z a-z 0-9 . - { }</c>, are at most 200 characters long, and no two of them
/// differ only by case, because MySQL's state table ignores it. The braces keep a partition's keys in one slot of a
/// clustered store.
/// </summary>
public static class Keys
{
    /// <summary>Format, partitions and id of the log.</summary>
    public const string Log = "log";

    internal const int MaxLength = 200;

    /// <summary>The record at a position.</summary>
    public static string Record(int partition, long position) =>
        string.Create(CultureInfo.InvariantCulture, $"{{{partition}}}.r.{position}");

    /// <summary>Where the snapshots of a partition have got to.</summary>
    public static string Head(int partition) => string.Create(CultureInfo.InvariantCulture, $"{{{partition}}}.head");

    /// <summary>A stream's snapshot.</summary>
    public static string Snapshot(int partition, string stream) =>
        string.Create(CultureInfo.InvariantCulture, $"{{{partition}}}.s.{Escape(stream)}");

    /// <summary>
    /// Writes a name so that it may be part of a key: upper-case letters, digits and <c>-</c> stand for themselves,
    /// every other byte of its UTF-8 form becomes <c>.</c> and two lower-case hex digits.
    /// </summary>
    public static string Escape(string name)
    {
        if (name.AsSpan().IndexOfAnyExcept(Plain) < 0)
        {
            return name;
        }

        var escaped = new StringBuilder(name.Length + 8);
        foreach (var b in Encoding.UTF8.GetBytes(name))
        {
            _ = Plain.Contains((char)b) ? escaped.Append((char)b) : escaped.Append('.').Append(b.ToString("x2", CultureInfo.InvariantCulture));
        }

        return escaped.ToString();
    }

    /// <summary>The partition of a stream: a hash of its name that is the same on every machine and for ever (FNV-1a).</summary>
    public static int PartitionOf(string stream, int partitions)
    {
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(stream))
        {
            hash = (hash ^ b) * 16777619u;
        }

        // FNV's low bits are weak for short names that differ at the end; fold the high ones in.
        hash ^= hash >> 15;
        hash *= 2246822519u;
        hash ^= hash >> 13;
        return (int)(hash % (uint)partitions);
    }

    private static readonly System.Buffers.SearchValues<char> Plain =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
}
