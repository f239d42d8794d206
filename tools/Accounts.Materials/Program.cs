using Accounts.Materials;

if (args is not [var published, var assets])
{
    Console.Error.WriteLine("Writes the bill of materials of a published program: Accounts.Materials PUBLISHED-FOLDER PROJECT.ASSETS.JSON");
    return 2;
}

Console.WriteLine(Bill.Of(Directory.EnumerateFiles(published, "*.deps.json").Single(), assets));
return 0;
