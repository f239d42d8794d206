namespace EventLog.Tests.Simulation;

/// <summary>The log with one rule broken: in a place of its sources something else stands, and the simulation runs on that.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Broken">What the mutant does instead, in a few words.</param>
/// <param name="File">Where.</param>
/// <param name="Find">What stands there, once.</param>
/// <param name="Replace">What takes its place.</param>
public sealed record Mutant(string Rule, string Broken, string File, string Find, string Replace)
{
    public override string ToString() => Rule;
}
