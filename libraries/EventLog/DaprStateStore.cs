namespace EventLog;

/// <summary>A state store component behind the Dapr sidecar.</summary>
public sealed class DaprStateStore
{
}

/// <summary>stub</summary>
public sealed class StoreCheck
{
}
