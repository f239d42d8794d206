using System.Globalization;
using System.Text;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Feed;

/// <summary>A place in a partition: after a record, and after so many events of the next one.</summary>
internal readonly record struct Place(long Position, int Events) : IComparable<Place>
{
    public static bool operator >(Place one, Place other) => one.CompareTo(other) > 0;

    public static bool operator <(Place one, Place other) => one.CompareTo(other) < 0;

    /// <summary>The place after an event of a record.</summary>
    /// <param name="position">The record.</param>
    /// <param name="index">Index of the event.</param>
    /// <param name="count">How many events the record has.</param>
    public static Place After(long position, int index, int count) => index + 1 == count ? new Place(position, 0) : new Place(position - 1, index + 1);

    public int CompareTo(Place other) => (Position, Events).CompareTo((other.Position, other.Events));
}

/// <summary>
/// How far a reader of all events has come: a place in every partition of the log. As a text it is what clients keep, and it
/// stays true when the view is rebuilt, because it speaks of the log.
/// </summary>
internal sealed class Places
{
    private const int LogDigits = 8;

    // 1,024 partitions with 16 digits each, and some more.
    private const int MaxLength = 32 * 1024;
    private readonly string _log;
    private readonly Place[] _places;

    private Places(string log, Place[] places) => (_log, _places) = (log, places);

    public int Partitions => _places.Length;

    public Place this[int partition] => _places[partition];

    /// <summary>Before the first event.</summary>
    public static Places Beginning(ViewPointer at, int partitions) => new(Short(at), new Place[partitions]);

    /// <summary>Null when the text was given by none of us.</summary>
    public static Places? Parse(string text)
    {
        if (text.Length > MaxLength || text.Split('-') is not [{ Length: > 0 and <= LogDigits } log, var rest])
        {
            return null;
        }

        var parts = rest.Split('.');
        var places = new Place[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            var (position, events) = parts[i].Split('_') switch
            {
                [var p] => (Whole(p), 0),
                [var p, var e] => (Whole(p), Whole(e)),
                _ => (null, null),
            };
            if (position is null || events is null or > int.MaxValue)
            {
                return null;
            }

            places[i] = new Place(position.Value, (int)events.Value);
        }

        var parsed = new Places(log, places);
        return parsed.ToString() == text ? parsed : null;
    }

    /// <summary>True when these are places of that log.</summary>
    public bool AreOf(ViewPointer at, int partitions) => _log == Short(at) && _places.Length == partitions;

    public bool IsSameLog(Places other) => _log == other._log && _places.Length == other._places.Length;

    public Places Copy() => new(_log, [.. _places]);

    /// <summary>Goes on to a place, never back.</summary>
    public void Advance(int partition, Place place)
    {
        if (place > _places[partition])
        {
            _places[partition] = place;
        }
    }

    /// <summary>Goes on to those places that are further.</summary>
    public void Advance(Places others)
    {
        for (var partition = 0; partition < _places.Length; partition++)
        {
            Advance(partition, others[partition]);
        }
    }

    public override string ToString()
    {
        var text = new StringBuilder(_log).Append('-');
        for (var i = 0; i < _places.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? "." : "")}{_places[i].Position}");
            if (_places[i].Events > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"_{_places[i].Events}");
            }
        }

        return text.ToString();
    }

    /// <summary>What texts that clients keep call the log.</summary>
    public static string Short(ViewPointer at) => at.LogId[..Math.Min(LogDigits, at.LogId.Length)];

    private static long? Whole(string text) => Wholes.Parse(text, AccountNumbers.MaxUserId);
}
