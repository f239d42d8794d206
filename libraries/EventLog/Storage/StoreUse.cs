namespace EventLog;

/// <summary>Which of Dapr's ways to a state store may be used; a few stores do not keep their word on one of them.</summary>
public sealed record StoreUse
{
    /// <summary>
    /// False where a transaction stays within one partition key and Dapr gives each key one of its own (Cosmos DB): what it
    /// wrote would not be found again. Writes then go one by one, several at once.
    /// </summary>
    public bool Transactions { get; init; } = true;

    /// <summary>
    /// False where a bulk read may answer from the past (DynamoDB), which would take an old snapshot for the newest. Keys
    /// are then read one by one with strong consistency, several at once.
    /// </summary>
    public bool BulkReads { get; init; } = true;
}
