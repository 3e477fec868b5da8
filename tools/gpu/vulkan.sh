# Finds or brings the Vulkan loader, and tells it where NVIDIA's driver is. run.sh sources this.
# shellcheck shell=bash

ICD=nvidia_icd.json

# bring_vulkan DEBS SCRATCH: prints what it did.
bring_vulkan() {
    # grep -q would end ldconfig early, which pipefail takes for "not found".
    if ldconfig -p | grep 'libvulkan\.so\.1' > /dev/null; then
        echo "the Vulkan loader was there"
    else
        unpack_loader "$1" "$2"
    fi
    find_driver "$2"
}

unpack_loader() {
    local deb folder=/
    # Only root may put it where every program looks.
    ((EUID == 0)) || folder=$2/loader
    mkdir -p "$folder"
    for deb in "$1"/*.deb; do
        dpkg -x "$deb" "$folder" || echo "$deb could not be unpacked"
    done
    if ((EUID == 0)); then
        ldconfig
    else
        export LD_LIBRARY_PATH=$folder/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    fi
    echo "the Vulkan loader was unpacked into $folder"
}

find_driver() {
    local folder found
    for folder in /usr/share /usr/local/share /etc; do
        if [[ -f $folder/vulkan/icd.d/$ICD ]]; then
            echo "NVIDIA's driver is listed in $folder/vulkan/icd.d"
            return
        fi
    done
    found=/usr/local/nvidia/share/vulkan/icd.d/$ICD
    [[ -f $found ]] || found=$(timeout 10 find / -xdev -name "$ICD" -type f -print -quit 2>/dev/null)
    if [[ -z $found ]] && ldconfig -p | grep 'libGLX_nvidia\.so\.0' > /dev/null; then
        found=$1/$ICD
        echo '{"file_format_version": "1.0.0", "ICD": {"library_path": "libGLX_nvidia.so.0", "api_version": "1.3.0"}}' > "$found"
    fi
    if [[ $found ]]; then
        export VK_DRIVER_FILES=$found
        echo "NVIDIA's driver is listed in $found"
    else
        echo "no Vulkan driver of NVIDIA's was found"
    fi
}
