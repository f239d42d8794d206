using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using Accounts.Processor.Tests.InProcess;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>What docs/add-a-function.md says and shows.</summary>
public class AddFunctionTests
{
    [Fact]
    public async Task The_function_in_the_document_is_short_and_is_the_one_that_is_compiled_here()
    {
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "add-a-function.md"), TestContext.Current.CancellationToken);
        var source = await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "tests", "Accounts.Processor.Tests", "Samples", "SuspensionView.cs"), TestContext.Current.CancellationToken);

        Assert.Contains($"```csharp\n{source}```", document, StringComparison.Ordinal);
        Assert.InRange(source.Count(character => character == '\n'), 10, 29);
    }

    [Fact]
    public async Task It_works_with_nothing_else_being_touched()
    {
        // In place of another, so that the list in the service need not know it.
        await using var world = new AccountWorld
        {
            As = function => function.Name == Views.History ? SuspensionView.Function with { Name = Views.History } : function,
        };
        await world.Create("A-1");
        await world.Create("A-2");
        foreach (var command in (AccountCommand[])[new AccountCommand.Confirm(), new AccountCommand.Activate(), AccountCommand.Named("suspend", "the card is lost", null)!])
        {
            await world.Send("A-1", command);
        }

        world.Start($"Functions={Views.History}");

        var at = await world.At();
        await world.ReachesTheTail(Views.History);
        Assert.Equal(new SuspensionRow(4, "the card is lost"), world.Row(SuspensionView.Key(at, "A-1"), SuspensionJson.Default.SuspensionRow));
        Assert.Null(world.Row(SuspensionView.Key(at, "A-2"), SuspensionJson.Default.SuspensionRow));
    }
}
