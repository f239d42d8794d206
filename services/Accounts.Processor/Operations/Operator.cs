using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using EventLog;

namespace Accounts.Processor.Operations;

/// <summary>
/// What operators ask and order goes by rows in the views' store, so that any replica answers, of whatever deployment, also
/// for functions that it does not host.
/// </summary>
internal sealed record Operator(LogDescription Log, IStateStore Views, LogReader Reader, FunctionControls Controls, TimeProvider Time)
{
    public static Function? Find(string name) => FunctionList.All.FirstOrDefault(function => function.Name == name);
}
