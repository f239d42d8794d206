using System.Globalization;
using LongLife;

// dotnet run --project tests/LongLife [-- EVENTS]: by default the sizes of the goals; the result is saved only for these.
const int Goal = 1_000_000;
var events = args is [var given] ? int.Parse(given, NumberStyles.None, CultureInfo.InvariantCulture) : Goal;
var findings = await LongLog.MeasureAsync(events);
Console.WriteLine(findings.Report());
if (events == Goal)
{
    findings.Save();
}

return findings.AllHold ? 0 : 1;
