namespace Accounts.Query.Lists;

/// <summary>
/// Where something stands in a list: an account, or the first one that a row of the index may hold. Partitions are merged by
/// these.
/// </summary>
internal readonly record struct ListPlace(string? Number, long Time, int Partition, long Ordinal) : IComparable<ListPlace>
{
    /// <summary>By number, or else by time, partition and ordinal, all of which are negative going down.</summary>
    public int CompareTo(ListPlace other) => Number is not null
        ? string.CompareOrdinal(Number, other.Number)
        : (Time, Partition, Ordinal).CompareTo((other.Time, other.Partition, other.Ordinal));

    public static ListPlace ByNumber(string number) => new(number, 0, 0, 0);

    public static ListPlace ByCreation(bool down, long time, int partition, long ordinal) =>
        down ? new(null, -time, -partition, -ordinal) : new(null, time, partition, ordinal);
}
