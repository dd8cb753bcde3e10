<#
.SYNOPSIS
Check every file of this pack, choose the target for a Python, and install it with its pip.
.DESCRIPTION
For Windows PowerShell 5.1 and PowerShell 7. Nothing is fetched from a network. No other code of the
pack runs before every file is checked. Other arguments go to pip install, such as --user.
.PARAMETER Python
The Python to install for; otherwise python, py or python3 on PATH.
.PARAMETER Target
The target, rather than the one that fits best.
.PARAMETER Venv
Install into this virtual environment; it is created if it does not exist.
.PARAMETER Earlier
The folders of the earlier packs that this one adds to.
.PARAMETER ChooseOnly
Print the name of the target that fits, and install nothing.
.PARAMETER VerifyOnly
Check the files, and install nothing.
.PARAMETER PipOptions
What follows goes to pip install, such as: --user    --target DIR    --prefix DIR
.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -Venv C:\app\venv
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    [string] $Python = '',
    [string] $Target = '',
    [string] $Venv = '',
    [string[]] $Earlier = @(),
    [switch] $ChooseOnly,
    [switch] $VerifyOnly,
    [Parameter(ValueFromRemainingArguments = $true)]
    [string[]] $PipOptions = @()
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# A user of PowerShell 7.4 may have set this; the exit codes of programs are read here.
$PSNativeCommandUseErrorActionPreference = $false

function Stop-Script {
    param([string] $Message, [string] $Hint)
    [Console]::Error.WriteLine('error: ' + $Message)
    if ($Hint -ne '') {
        [Console]::Error.WriteLine('hint: ' + $Hint)
    }
    exit 1
}

# Return the full path of a file or folder, which need not exist, without a backslash at its end:
# before a quotation mark, programs would read it as part of the mark.
function Get-FullPath {
    param([string] $Path)
    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
    return $full.TrimEnd('\', '/')
}

function Test-Python {
    param([string] $Command)
    # What a program writes to its standard error would end the script.
    $ErrorActionPreference = 'SilentlyContinue'
    $global:LASTEXITCODE = 1
    try {
        & $Command -E -S -c 'import sys; sys.exit(sys.version_info < (2, 7))' 2>&1 | Out-Null
    } catch {
        return $false
    }
    return $LASTEXITCODE -eq 0
}

function Find-Python {
    if ($Python -ne '') {
        $command = $Python
        if ($command.Contains('\') -or $command.Contains('/')) {
            $command = Get-FullPath $command
        }
        if (-not (Test-Python $command)) {
            Stop-Script "$command is not a Python that starts, 2.7 or newer" ''
        }
        return $command
    }
    foreach ($name in @('python', 'py', 'python3')) {
        # The python of the Microsoft Store may be a program that only shows the store.
        if (Get-Command -Name $name -CommandType Application -ErrorAction SilentlyContinue) {
            if (Test-Python $name) {
                return $name
            }
        }
    }
    Stop-Script 'there is no Python on PATH' 'name one: -Python C:\path\to\python.exe'
}

# Return a table with the hash of each file that a manifest names.
function Read-Manifest {
    param([string] $Path)
    $name = [System.IO.Path]::GetFileName($Path)
    $hashes = New-Object 'System.Collections.Generic.Dictionary[string,string]' (
        [System.StringComparer]::Ordinal
    )
    $part = '[^/.\\\p{Cc}-][^/\\\p{Cc}]*'
    $entry = '\A([0-9a-f]{64})  (' + $part + '(?:/' + $part + ')*)\z'
    $text = [System.IO.File]::ReadAllText($Path)
    if ($text -eq '') {
        return $hashes
    }
    if (-not $text.EndsWith("`n")) {
        Stop-Script "$name is cut off" 'copy it again'
    }
    $number = 0
    foreach ($line in $text.Substring(0, $text.Length - 1).Split("`n")) {
        $number += 1
        $match = [regex]::Match($line, $entry)
        if (-not $match.Success) {
            $hint = 'copy it again, byte by byte, not as text'
            Stop-Script "$name is damaged in line $number" $hint
        }
        if ($hashes.ContainsKey($match.Groups[2].Value)) {
            Stop-Script "$name names a file twice: $($match.Groups[2].Value)" 'copy it again'
        }
        $hashes.Add($match.Groups[2].Value, $match.Groups[1].Value)
    }
    return $hashes
}

# Return the table of a file that only a difference has; an empty one without it.
function Read-Other {
    param([string] $Path)
    if (Test-Path -LiteralPath $Path -PathType Leaf) {
        return Read-Manifest $Path
    }
    return @{}
}

# Return whether a file has a hash. Windows PowerShell does not find Get-FileHash if a program that
# PowerShell 7 has started starts it.
function Test-Hash {
    param([string] $Path, [string] $Hash)
    $algorithm = [System.Security.Cryptography.SHA256]::Create()
    $stream = [System.IO.File]::OpenRead($Path)
    try {
        $found = $algorithm.ComputeHash($stream)
    } finally {
        $stream.Dispose()
    }
    return [System.BitConverter]::ToString($found).Replace('-', '') -eq $Hash
}

# Return what is wrong with a file that the manifest names.
function Find-Change {
    param([string] $Name, [string] $Hash, $Carried, [string[]] $Places)
    foreach ($place in $Places) {
        $path = Join-Path $place $Name
        if (Test-Path -LiteralPath $path -PathType Leaf) {
            if (-not (Test-Hash $path $Hash)) {
                "not as it was packed: $path"
            }
            return
        }
    }
    if ($Carried.ContainsKey($Name)) {
        "only in the earlier pack: $Name"
    } else {
        "missing: $Name"
    }
}

# Return what is wrong with a file that the manifest does not name. One that is left from the earlier
# pack does no harm: its hash is not in the requirements. What builds sources has no hashes there.
function Find-Addition {
    param([string] $Path, [string] $Name, $Removed, [bool] $HasSources)
    $wheel = $Name -creplace '\.(metadata|provenance)$', ''
    $left = ($wheel -cne $Name) -and $Removed.ContainsKey($wheel)
    if ($Removed.ContainsKey($Name)) {
        $left = Test-Hash $Path $Removed[$Name]
    }
    if (-not $left) {
        "added: $Name"
    } elseif ($HasSources) {
        "left from the earlier pack: $Name"
    }
}

# Return what is wrong with the files of the pack, one line for each.
function Find-Problem {
    param([string] $Pack, $Listed, [string[]] $Folders)
    $carried = Read-Other (Join-Path $Pack 'earlier.sha256')
    $removed = Read-Other (Join-Path $Pack 'removed.sha256')
    $hasSources = @($Listed.Keys -cmatch '\Awheels/.*\.(tar\.gz|zip)\z').Count -gt 0
    $own = @('manifest.sha256', 'earlier.sha256', 'removed.sha256')
    $pending = New-Object System.Collections.Queue
    $pending.Enqueue('')
    while ($pending.Count -gt 0) {
        $prefix = $pending.Dequeue()
        foreach ($item in Get-ChildItem -LiteralPath (Join-Path $Pack $prefix) -Force) {
            $name = $prefix + $item.Name
            if (@('SymbolicLink', 'Junction') -contains $item.LinkType) {
                "neither a file nor a folder: $name"
            } elseif ($item.PSIsContainer) {
                $pending.Enqueue($name + '/')
            } elseif (-not ($Listed.ContainsKey($name) -or $own -ccontains $name)) {
                Find-Addition $item.FullName $name $removed $hasSources
            }
        }
    }
    foreach ($name in $Listed.Keys) {
        Find-Change $name $Listed[$name] $carried (@($Pack) + $Folders)
    }
}

$pack = Get-FullPath $PSScriptRoot
$folders = @()
foreach ($folder in $Earlier) {
    $full = Get-FullPath $folder
    if (-not (Test-Path -LiteralPath $full -PathType Container)) {
        Stop-Script "there is no folder $folder" ''
    }
    $folders += $full
}

$manifest = Join-Path $pack 'manifest.sha256'
if (-not (Test-Path -LiteralPath $manifest -PathType Leaf)) {
    Stop-Script 'the pack has no manifest.sha256' 'copy the whole folder again'
}
$listed = Read-Manifest $manifest
if ($listed.Count -eq 0) {
    Stop-Script 'manifest.sha256 is empty' 'copy the whole folder again'
}
$problems = @(Find-Problem $pack $listed $folders)
if ($problems.Count -gt 0) {
    [Console]::Error.WriteLine('error: the pack is not as it was made; nothing was installed')
    $hint = 'delete what was added or left, and copy the rest again'
    foreach ($problem in $problems) {
        [Console]::Error.WriteLine('  ' + $problem)
        if ($problem.StartsWith('only in the earlier pack')) {
            $hint = 'unpack it over the earlier pack, or name that folder with -Earlier'
        }
    }
    [Console]::Error.WriteLine('hint: ' + $hint)
    exit 1
}
[Console]::Error.WriteLine("All $($listed.Count) files are as they were packed.")
if ($VerifyOnly) {
    exit 0
}

$command = Find-Python
$arguments = @('-B', (Join-Path $pack 'choose_target.py'))
if ($Target -ne '') {
    $arguments += @('--target', $Target)
}
if ($Venv -ne '') {
    $arguments += @('--venv', (Get-FullPath $Venv))
}
foreach ($folder in $folders) {
    $arguments += @('--earlier', $folder)
}
if ($ChooseOnly) {
    $arguments += '--choose-only'
}
$arguments += '--'
foreach ($option in $PipOptions) {
    # PowerShell may keep the mark before the options of pip.
    if ($option -ne '--') {
        $arguments += $option
    }
}
# What Python writes to a standard error that is redirected would end the script.
$ErrorActionPreference = 'Continue'
$global:LASTEXITCODE = 1
& $command $arguments
exit $LASTEXITCODE
